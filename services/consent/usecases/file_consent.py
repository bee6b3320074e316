"""File a version of a consent in the EHR's chart, exactly once whatever ends in between.

The PDF is kept before it is sent, so every attempt sends the same bytes; the EHR keeps them once, by our identifier; what it has
kept is noted last. Whoever comes after a crash begins where the kept state says.
"""

from services.consent.usecases.filing_ports import ChartDoor, Filing, FilingList, Paper, Writer
from services.consent.usecases.ports import Document, Recorded, UnitOfWork, UnitOfWorkFactory
from shared.kernel.errors import Conflict, Unavailable


async def file_due(*, filings: FilingList, begin: UnitOfWorkFactory, chart: ChartDoor, writer: Writer) -> int:
    """File all that is due; return how many the EHR gave no answer to (they stay on the list)."""
    unanswered = 0
    for filing in await filings.due():
        try:
            await file_consent(filing=filing, filings=filings, begin=begin, chart=chart, writer=writer)
        except Conflict as error:
            await filings.refused(filing, str(error))
        except Unavailable as error:
            await filings.wait(filing, str(error))
            unanswered += 1
    return unanswered


async def file_consent(
    *, filing: Filing, filings: FilingList, begin: UnitOfWorkFactory, chart: ChartDoor, writer: Writer
) -> None:
    """File one version: paper, kept; sent; noted. Conflict if the EHR refuses it, Unavailable if it does not answer."""
    async with begin(filing.practice) as uow:
        recorded = await uow.consents.get(filing.consent_id, version=filing.version)
        if recorded is None:
            raise Unavailable("the version is not there yet")
        staff, signature = await uow.staff.all(), await signature_of(uow, recorded, writer)
    content = filing.content
    if content is None:
        face = await chart.face(filing.practice, filing.patient)
        paper = Paper(recorded, face, staff, signature, filing.practice, filing.practice_name)
        content = await filings.keep(filing, writer.write(paper))
    document = await chart.file(filing, recorded.consent, content)
    await filings.filed(filing, document)


async def signature_of(uow: UnitOfWork, recorded: Recorded, writer: Writer) -> Document | None:
    """Return the signature or scan that a version names, if we keep it."""
    ident = writer.attached_to(recorded)
    return await uow.documents.find(ident, patient=recorded.consent.statement.patient) if ident else None
