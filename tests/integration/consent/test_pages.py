"""Consent's pages: what is asked, what is recorded, what is shown, who may.

Requirements: issue 10 item 4; guide.md 4.2; ccm-rules 5 (C1-C8).
"""

import base64
import hashlib
import json
import re
from datetime import date, timedelta

import pytest

from shared.contracts.staff_member import RoleHeld
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.consent.conftest import NOW, Door
from tests.integration.consent.pages import ANSWERS, POINTS, STAFF, Page, chart, member, store, text_of

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==")
PDF = b"%PDF-1.7 a scan"


@pytest.fixture
def page(door: Door) -> Page:
    """The pages of the nurse rn-1 in the chart of p-1."""
    store(door, *STAFF, chart())
    return Page(door)


def wait(page: Page, **by: float) -> None:
    """Let time pass."""
    page.door.clock.set(page.door.clock.now() + timedelta(**by))


async def test_nothing_is_preselected(page: Page) -> None:
    form = (await page.ask("GET", "capture")).text
    assert not re.search(" checked(?:>| data-focus)", form)
    assert "selected" not in form.replace(' value="dr-1" selected', "")  # the practitioner comes from the roster


async def test_a_verbal_consent_records_who_when_which_words_and_how(page: Page) -> None:
    answer = await page.ask("POST", "capture", data={"key": "k1"} | ANSWERS)
    assert "Granted CCM with Dr Priya Raman, Nov 10, 2026, 10:00 am." in text_of(answer)
    (told,) = page.events()
    assert (told["patient"], told["program"], told["method"], told["status"]) == ("p-1", "ccm", "verbal", "active")
    assert told["given_at"] == told["in_force_from"] == "2026-11-10T15:00:00Z"
    assert told["obtained_by"] == {"id": "rn-1", "name": "Dana Whitfield", "credential": "registered-nurse"}
    assert told["practitioner"] == {"id": "dr-1", "npi": "1234567893", "name": "Dr Priya Raman"}
    assert told["disclosures"] == dict.fromkeys(POINTS, True)
    assert told["script"]["uri"] == f"{PUBLIC_URL}/t/north/app/consent/scripts/1/en"
    assert (told["script"]["version"], told["script"]["language"], told["other_practice"]) == ("1", "en", "no")
    assert told["consenting_party"] == "patient"
    seen = json.loads(answer.headers["hx-trigger"])["careledger:written"]["seen"]
    assert seen == f"{told['consent_id']}@1"

    read = (await page.door.get(f"Consent/{told['consent_id']}")).json()
    assert read["patient"]["identifier"]["value"] == "00495530"
    assert read["organization"][0]["identifier"]["value"] == "1234567893"
    assert read["verification"] == [{"verified": True, "verificationDate": "2026-11-10T10:00:00-05:00"}]
    checks = [one["valueCode"] for one in read["extension"] if one["url"].endswith("/identity-check")]
    assert checks == ["name-and-birth-date"]


async def test_a_second_press_records_nothing_again(page: Page) -> None:
    for _ in range(2):
        assert "Consent recorded" in await page.capture(key="same")
        wait(page, seconds=2)
    assert len(page.events()) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        *(({f"told-{point}": ""}, "say whether it was told") for point in POINTS),
        ({"other": ""}, "Other practice: mark the answer"),
        ({"who": ""}, "Who answers: mark who"),
        ({"who": "representative"}, "Representative: give the full name"),
        ({"who": "representative", "rep_name": "Elena"}, "Representative: choose the authority"),
        ({"who": "representative", "rep_name": "Elena", "authority": "Friend"}, "Representative: choose the authority"),
        ({"how": ""}, "How: mark the way"),
        ({"check": ""}, "Identity: say how it was checked"),
        ({"how": "written"}, "Signed on paper: choose the scan"),
        ({"how": "electronic"}, "Signature: let the patient sign"),
        ({"ans": ""}, "Answer: mark what the patient says"),
        ({"ans": "declines"}, "Reason: choose why the patient declines"),
        ({"ans": "declines", "dec": "Other"}, "Reason: choose why the patient declines"),
        ({"practitioner": "dr-9"}, "Choose the billing practitioner"),
        ({"program": "rpm"}, "Choose the program"),
        ({"late_day": "2026-11-11", "late_time": "9 am"}, "give a day and a time that have passed"),
        ({"late_day": "2026-11-09"}, "give a day and a time that have passed"),
    ],
)
async def test_what_is_missing_is_named_with_a_link_and_every_answer_stays(
    page: Page, changes: dict[str, str], said: str
) -> None:
    answer = await page.ask("POST", "capture", data={"key": "k1"} | ANSWERS | changes)
    assert answer.status_code == 422
    assert said in text_of(answer) and "Not recorded yet: " in text_of(answer)
    kept = [name for name in ANSWERS if name.startswith("told-") and name not in changes]
    assert all(re.search(rf'name="{name}" id="[^"]+" value="yes" checked', answer.text) for name in kept)
    links = re.findall(r'<li><a href="#([^"]+)">', answer.text)
    assert links and all(f'id="{link}"' in answer.text for link in links)
    assert page.events() == []


async def test_a_point_that_was_not_told_is_recorded_and_does_not_count_yet(page: Page) -> None:
    assert "does not count yet" in await page.capture(**{"told-cost-sharing": "no"})
    assert "Does not count yet since Nov 10, 2026: not told: cost" in await page.get("panel")
    wait(page, minutes=1)
    await page.capture()
    assert "In force since Nov 10, 2026" in await page.get("panel")


async def test_what_the_service_covers_may_be_left_untold_without_harm(page: Page) -> None:
    assert "does not count" not in await page.capture(**{"told-scope-of-services": "no"})
    assert "In force since" in await page.get("panel")


async def test_the_spanish_words_are_read_marked_as_a_draft_and_recorded(page: Page) -> None:
    form = await page.ask("POST", "capture/words", data={"key": "k1"} | ANSWERS | {"language": "es"})
    assert "¿Recibe ahora este servicio de otro consultorio?" in form.text and "Draft wording" in form.text
    assert "Para usted sería Dr Priya Raman" in form.text
    assert len(re.findall(" checked(?:>| data-focus)", form.text)) == len(ANSWERS) - 3  # all answers stay
    await page.capture(language="es", interpreter="Maria Soto")
    script = page.events()[0]["script"]
    assert (script["language"], script["interpreter"]) == ("es", "Maria Soto")


@pytest.mark.parametrize(("language", "words"), [("en", "Would you like this service?"), ("es", "¿Desea este servicio?")])
async def test_the_exact_words_are_open_to_anybody(door: Door, language: str, words: str) -> None:
    for tenant in ("north", "nowhere"):
        answer = await door.http.get(f"/t/{tenant}/app/consent/scripts/1/{language}")
        assert answer.status_code == 200 and words in answer.text
    assert (await door.http.get("/t/north/app/consent/scripts/9/en")).status_code == 404


async def test_a_decline_keeps_its_reason_and_asks_for_nothing(page: Page) -> None:
    assert "declined" in await page.capture(ans="declines", dec="Cost", dec_words="Too dear now")
    (told,) = page.events()
    assert (told["status"], told["decline_reason"]) == ("rejected", "Cost: Too dear now")
    panel = await page.get("panel")
    assert "Declined on Nov 10, 2026" in panel and "Reason: Cost: Too dear now." in panel


async def test_a_representative_is_recorded_by_name_and_authority(page: Page) -> None:
    await page.capture(who="representative", rep_name="Elena Delgado", authority="Legal guardian")
    (told,) = page.events()
    assert (told["consenting_party"], told["authority"]) == ("representative", "Legal guardian")
    assert "A representative, Elena Delgado, Legal guardian" in await page.get("history")
    read = (await page.door.get(f"Consent/{told['consent_id']}")).json()
    assert (read["performer"][0]["display"], read["performer"][0]["type"]) == ("Elena Delgado", "RelatedPerson")


async def test_a_signature_is_kept_with_its_hash_and_read_only_where_it_may(page: Page) -> None:
    signature = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    await page.capture(how="electronic", check="", signature=signature)
    (told,) = page.events()
    sha1 = base64.b64encode(hashlib.sha1(PNG).digest()).decode()
    assert (told["method"], told["document_hash"]) == ("electronic", sha1)
    attached = (await page.door.get(f"Consent/{told['consent_id']}")).json()["sourceAttachment"]
    assert (attached["contentType"], attached["size"], attached["hash"]) == ("image/png", len(PNG), sha1)

    path = attached["url"].removeprefix(PUBLIC_URL)
    assert (await page.door.get(path)).content == PNG
    assert (await page.door.ask("GET", path, scopes="system/Task.r")).status_code == 403
    ident = path.rpartition("/")[2]
    assert (await page.ask("GET", f"documents/{ident}")).content == PNG
    assert (await Page(page.door, patient="p-2").ask("GET", f"documents/{ident}")).status_code == 404


async def test_a_signature_outlives_a_missing_answer(page: Page) -> None:
    signature = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    fields = {"key": "k1"} | ANSWERS | {"how": "electronic", "other": ""}
    form = await page.ask("POST", "capture", data=fields | {"signature": signature})
    kept = re.search(r'name="document" value="([^"]+)"', form.text)
    assert form.status_code == 422 and kept
    await page.post("capture", **fields | {"other": "no", "document": kept[1]})
    assert page.events()[0]["method"] == "electronic"


async def test_a_scan_is_kept_at_once_and_belongs_to_this_patient_and_person(page: Page) -> None:
    kept = await page.ask("POST", "documents", files={"scan": ("x.exe", PDF, "image/png")})
    found = re.search(r'name="document" value="([^"]+)"', kept.text)
    assert found and "Kept: PDF" in text_of(kept)
    other = Page(page.door, patient="p-2")
    assert "choose the scan" in await other.capture(422, how="written", document=found[1])
    doctor = Page(page.door, person="dr-1", roles=("billing-practitioner",))
    assert "choose the scan" in await doctor.capture(422, how="written", document=found[1])
    await page.capture(how="written", document=found[1])
    assert page.events()[0]["method"] == "written"
    rows = page.door.rows("SELECT bytes, sha256, kept_by FROM consent_document")
    assert (bytes(rows[0]["bytes"]), bytes(rows[0]["sha256"])) == (PDF, hashlib.sha256(PDF).digest())
    assert "Scan (PDF)" in await page.get("history")


async def test_files_of_other_kinds_and_sizes_are_refused(page: Page) -> None:
    assert "Choose a PDF, PNG or JPEG file." in text_of(await page.ask("POST", "documents", files={"scan": ("x.pdf", b"MZ")}))
    answer = await page.ask("POST", "documents", files={"scan": ("x.pdf", PDF + b"0" * (10 * 1024 * 1024))})
    assert "at most 10 MB" in text_of(answer)
    answer = await page.ask("POST", "documents", files={"scan": ("x.pdf", PDF + b"0" * (11 * 1024 * 1024))})
    assert answer.status_code == 413
    assert (await page.ask("POST", "capture", content=b"0" * (2 * 1024 * 1024))).status_code == 413
    assert page.door.rows("SELECT 1 FROM consent_document") == []


async def test_a_consent_given_earlier_counts_from_when_it_was_given(page: Page) -> None:
    await page.capture(late_day="2026-11-06", late_time="2:05 pm")
    (told,) = page.events()
    assert (told["given_at"], told["in_force_from"]) == ("2026-11-06T19:05:00Z", "2026-11-06T19:05:00Z")
    assert told["recorded_at"].startswith("2026-11-10T15:00")


async def test_the_credential_is_that_of_the_day_and_who_has_none_is_refused(page: Page) -> None:
    store(page.door, member("ma-1", "Lena Ortiz", "clinical-staff", None))
    assert "no role and credential" in await Page(page.door, person="ma-1").capture(422)
    gone = RoleHeld(since=date(2025, 1, 1), until=date(2026, 11, 8), role="clinical-staff")
    store(page.door, STAFF[0].model_copy(update={"version": 2, "roles": (gone,)}))
    assert "Not on the staff list" in await page.capture(422, late_day="2026-11-06", late_time="2:05 pm")
    new = RoleHeld(since=date(2026, 11, 8), role="clinical-staff")
    store(page.door, STAFF[0].model_copy(update={"version": 3, "roles": (new,)}))
    assert "no role and credential" in await page.capture(422, late_day="2026-11-06", late_time="2:05 pm")
    await page.capture()
    assert len(page.events()) == 1


async def test_a_stop_ends_with_its_month_and_the_panel_says_what_follows(page: Page) -> None:
    await page.capture(late_day="2026-11-02", late_time="9:00 am")
    consent = page.events()[0]["consent_id"]
    form = await page.get("change")
    assert "ends with the calendar month: Nov 30, 2026" in form
    assert "Choose how the patient said it" in await page.post(f"{consent}/revoke", 422, version="1")
    assert "Billable to Nov 30, 2026" in await page.post(f"{consent}/revoke", version="1", channel="By phone")
    told = page.events()[-1]
    assert (told["change"], told["status"], told["in_force_until"]) == ("revoked", "inactive", "2026-11-30")
    assert told["revocation"]["received_at"] == "2026-11-10T15:00:00Z" and told["revocation"]["recorded_by"] == "rn-1"
    panel = await page.get("panel")
    assert "Stopped by the patient. Billable to Nov 30; start no new work" in panel
    assert "If the patient wants the service again, take a new consent (C7)." in panel
    wait(page, days=25)
    assert "Not in force since Dec 1, 2026" in await page.get("panel")


async def test_a_correction_is_a_new_line_and_says_what_it_corrects(page: Page) -> None:
    await page.capture(who="representative", rep_name="Elena Delgado", authority="Legal guardian")
    consent = page.events()[0]["consent_id"]
    fields = {f"told-{point}": "yes" for point in POINTS} | {"other": "no", "who": "patient", "version": "1"}
    assert "Say what was wrong" in await page.post(f"{consent}/correct", 422, **fields)
    await page.post(f"{consent}/correct", **fields, reason="I picked the wrong line.")
    told = page.events()[-1]
    assert (told["change"], told["version"], told["consenting_party"]) == ("corrected", 2, "patient")
    assert (told["given_at"], told["status"]) == ("2026-11-10T15:00:00Z", "active")
    history = await page.get("history")
    assert "Corrected the patient answered, not a representative" in history
    assert "“I picked the wrong line.”" in history


async def test_a_representatives_authority_that_ended_asks_for_a_new_consent(page: Page) -> None:
    await page.capture(
        who="representative", rep_name="Elena", authority="Legal guardian", late_day="2026-11-02", late_time="9:00 am"
    )
    consent = page.events()[0]["consent_id"]
    fields = {f"told-{point}": "yes" for point in POINTS} | {"other": "no", "who": "representative", "version": "1"}
    fields |= {"rep_name": "Elena", "authority": "Legal guardian", "until": "2026-11-08", "reason": "Guardianship ended"}
    await page.post(f"{consent}/correct", **fields)
    assert page.events()[-1]["in_force_until"] == "2026-11-08"
    assert "The representative’s authority ended, so ask again whoever decides now (C5)." in await page.get("panel")


async def test_entered_in_error_never_held(page: Page) -> None:
    await page.capture()
    consent = page.events()[0]["consent_id"]
    assert "Say how it came about" in await page.post(f"{consent}/void", 422, version="1")
    await page.post(f"{consent}/void", version="1", void_reason="Wrong patient")
    assert page.events()[-1]["status"] == "entered-in-error"
    assert "Time counts from the moment the patient agrees, so ask first." in await page.get("panel")


async def test_a_change_of_a_stale_version_is_refused(page: Page) -> None:
    await page.capture()
    consent = page.events()[0]["consent_id"]
    await page.post(f"{consent}/void", version="1", void_reason="Wrong patient")
    assert "Somebody changed the record meanwhile" in await page.post(f"{consent}/void", 422, version="1", void_reason="x")


async def test_a_new_consent_is_asked_for_where_the_practitioner_bills_no_longer(page: Page) -> None:
    await page.capture()
    assert "Nothing to do." in await page.get("panel")
    gone = RoleHeld(since=date(2025, 1, 1), until=date(2026, 11, 9), role="billing-practitioner")
    store(page.door, STAFF[1].model_copy(update={"version": 2, "roles": (gone,)}))
    panel = await page.get("panel")
    assert "Practitioner changed since: Dr Priya Raman bills here no longer" in panel
    assert "A new billing practitioner needs a new consent before care starts (C5)." in panel
    wait(page, minutes=1)
    await page.capture(practitioner="dr-2")
    assert "In force since Nov 10, 2026 For CCM with Dr Thomas Ekberg." in await page.get("panel")


async def test_a_day_and_an_as_known_day_give_one_answer(page: Page) -> None:
    page.door.clock.set(NOW.replace(day=3))
    await page.capture(practitioner="dr-2")
    page.door.clock.set(NOW.replace(day=9))
    await page.capture(practitioner="dr-1", late_day="2026-11-05", late_time="2:05 pm")
    page.door.clock.set(NOW)

    async def answer(at: str, known: str, practitioner: str) -> str:
        text = await page.get(f"history?at={at}&known={known}&for=ccm/{practitioner}")
        return text[text.index("Look up") : text.index("All events")]

    assert "In force on Nov 6, 2026, for CCM with Dr Priya Raman." in await answer("2026-11-06", "2026-11-10", "dr-1")
    before = await answer("2026-11-06", "2026-11-08", "dr-1")
    assert "Not in force on Nov 6, 2026" in before and "as it was known then" in before
    assert "For a part of the day on Nov 5" in await answer("2026-11-05", "2026-11-10", "dr-1")
    early = await answer("2026-11-04", "2026-11-10", "dr-1")
    assert "Consent was given on Nov 5, 2026, 2:05 pm. Time before that does not count." in early and "Rule C3" in early
    assert "A consent to another practitioner had taken its place." in await answer("2026-11-06", "2026-11-10", "dr-2")


async def test_the_record_lists_every_field_that_an_auditor_asks_for(page: Page) -> None:
    await page.capture(other="yes", other_name="Harbor Clinic", interpreter="Maria Soto")
    record = (await page.get("history")).partition("Record of Nov 10, 2026")[2]
    for field in (
        "Program CCM", "Practitioner Dr Priya Raman, NPI 1234567893", "Practice Practice north",
        "Given Nov 10, 2026, 10:00:00 am EST", "By The patient", "Method Verbal", "Identity Name and date of birth",
        "Obtained by Dana Whitfield, RN", "What it is Told", "Cost Told", "One practitioner Told", "Right to stop Told",
        "What it covers Told", "Other practice Yes, says the patient: Harbor Clinic", "Script Version 1, English",
        "Interpreter Maria Soto", "In force from Nov 10, 2026, 10:00 am", "Until Revoked, or the practitioner changes",
        "Recorded Nov 10, 2026, 10:00 am by Dana Whitfield, RN, version 1", "Number",
    ):  # fmt: skip
        assert field in record, field


@pytest.mark.parametrize("role", ["biller", "program-lead", "auditor"])
async def test_readers_read_and_are_refused_every_change(page: Page, role: str) -> None:
    await page.capture()
    consent = page.events()[0]["consent_id"]
    reader = Page(page.door, person="x-1", roles=(role,))
    panel = await reader.get("panel")
    assert "In force" in panel and "See the record" in panel and "Revoke" not in panel and "Capture" not in panel
    assert "Revoke or correct" not in await reader.get("history")
    for path in ("capture", "capture/words", "documents", f"{consent}/revoke", f"{consent}/correct", f"{consent}/void"):
        assert (await reader.ask("POST", path, data=ANSWERS)).status_code == 403
    for path in ("capture", "change"):
        assert (await reader.ask("GET", path)).status_code == 403
    assert len(page.events()) == 1


async def test_another_patients_consent_is_not_there(page: Page) -> None:
    await page.capture()
    consent = page.events()[0]["consent_id"]
    other = Page(page.door, patient="p-2")
    assert "Nothing is recorded yet" in await other.get("history")
    for action in ("revoke", "correct", "void"):
        fields = {"channel": "By phone", "reason": "x", "void_reason": "x", "who": "patient"}
        assert (await other.ask("POST", f"{consent}/{action}", data=fields)).status_code == 404
    assert len(page.events()) == 1


async def test_who_is_not_on_the_roster_may_not_change_a_consent(page: Page) -> None:
    await page.capture()
    consent = page.events()[0]["consent_id"]
    stranger = Page(page.door, person="x-9")
    assert "Not on the staff list" in await stranger.get("capture")
    assert (await stranger.ask("POST", f"{consent}/void", data={"void_reason": "x"})).status_code == 403
    assert len(page.events()) == 1
