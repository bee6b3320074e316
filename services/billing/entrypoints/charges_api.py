"""A month's charges as CSV: the charges file for billing systems that fetch it (docs/charges-csv.md)."""

import hashlib
from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.billing.domain.charge_columns import COLUMNS, COLUMNS_VERSION, csv_bytes
from services.billing.entrypoints.rest_api import Biller, Month, practice_call
from services.billing.usecases.export_charges import export_charges
from shared.kernel.calendar_month import CalendarMonth
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/billing", route_class=RetryingRoute, tags=["billing"])

_CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "UTF-8, CRLF, a header line; a line a charge, in the order of the change feed",
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": {
            "Content-Digest": {"description": "SHA-256 of the file (RFC 9530)", "schema": {"type": "string"}},
            "X-Careledger-Columns": {"description": "Version of the column list", "schema": {"type": "string"}},
            "X-Careledger-Feed-Position": {"description": "What the file knows of", "schema": {"type": "string"}},
        },
    },
    409: {"description": "The practice has set no charge amount for a code (rule charge-master)"},
}


@router.get("/months/{month}/charges.csv", summary="A month's billable charges as CSV", response_class=Response, responses=_CSV)
async def charges_file(
    month: Month,
    request: Request,
    principal: Biller,
    amounts: Annotated[bool, Query(description="false: leave charge_amount blank, for systems with prices of their own")] = True,
) -> Response:
    """Return the charges that wait on the queue, with the columns of `careledger charges export`."""
    call = await practice_call(request, principal)
    rows: list[tuple[str, ...]] = [COLUMNS]
    done = await export_charges(
        month=CalendarMonth.parse(month),
        since=None,
        amounts=amounts,
        write=rows.extend,
        begin=call.read,
        author=call.author,
        clock=call.world.clock,
    )
    body = csv_bytes(rows)
    headers = {
        "Content-Disposition": f'attachment; filename="charges-{month}.csv"',
        "Content-Digest": f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:",
        "X-Careledger-Columns": COLUMNS_VERSION,
        "X-Careledger-Feed-Position": done.feed_position,
    }
    return Response(body, 200, headers, media_type="text/csv; charset=utf-8")
