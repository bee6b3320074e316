"""What the timer routes take and give, with what their OpenAPI says."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.timetrack.domain.activity import Work
from services.timetrack.domain.time_entry import Problem
from services.timetrack.domain.timer import TimerStatus
from services.timetrack.usecases.ports import TimerNote, TimerRecord
from services.timetrack.usecases.start_timer import TimerRequest
from shared.kernel.vocabulary import Activity, PerformerRole, Program

EhrId = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Text = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class TimerStart(_Body):
    """A timer for one person's work for one patient; the person must be on the roster today."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "identifier": "visit-8812/call-1",
                    "performer": "rn-1",
                    "patient": "p-1",
                    "program": "ccm",
                    "activity": "patient-contact",
                    "heartbeats": False,
                }
            ]
        }
    )

    identifier: str = Field(
        min_length=1, max_length=200, description="Your own, unique among your timers: the same request again starts nothing."
    )
    performer: EhrId = Field(description="Practitioner id in the EHR of whoever works.", examples=["nurse-1"])
    patient: EhrId = Field(description="Patient id in the EHR.", examples=["patient-1"])
    program: Program
    activity: Activity
    role: PerformerRole | None = Field(default=None, description="The credential worked in; by default the roster's of today.")
    directed_by: EhrId | None = Field(default=None, description="Billing practitioner; by default the supervisor on the roster.")
    encounter: EhrId | None = None
    heartbeats: bool = Field(
        default=True,
        description="Whether you send a heartbeat at least every 30 seconds. If so, the timer counts as forgotten after two "
        "minutes of silence; if not (plain start and stop buttons), after an hour without any call.",
    )

    def to_request(self) -> TimerRequest:
        """Return it for the use case."""
        work = Work(self.program, self.activity)
        return TimerRequest(self.identifier, self.performer, self.patient, work, self.role, self.directed_by, self.encounter)


class TimerCall(_Body):
    """A call by the person whose timer it is."""

    performer: EhrId = Field(description="Practitioner id of the person whose timer it is.")


class TimerChange(TimerCall):
    """A pause or a resumption."""

    keep_silence: bool = Field(
        default=False, description="If silence paused the timer: the silence was work. It is kept, marked measured-with-gap."
    )


class TimerSwitch(TimerChange):
    """Other work from now on."""

    program: Program
    activity: Activity

    def to_work(self) -> Work:
        """Return it for the use case."""
        return Work(self.program, self.activity)


class ProblemAddressed(_Body):
    """The problem that the work addressed."""

    condition: EhrId | None = Field(default=None, description="Condition id in the EHR.")
    codes: list[Text] = Field(default_factory=list, max_length=20, examples=[["http://hl7.org/fhir/sid/icd-10-cm|I10"]])
    text: Text | None = None

    def to_problem(self) -> Problem:
        """Return it for the use case."""
        return Problem(self.condition, tuple(self.codes), self.text)


class OtherProblem(_Body):
    """A further problem, known to the EHR."""

    condition: EhrId
    text: Text | None = None


class TimerStop(TimerChange):
    """The end, with the documentation of what was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "performer": "rn-1",
                    "problem": {"condition": "c-1", "codes": ["http://hl7.org/fhir/sid/icd-10-cm|I10"], "text": "hypertension"},
                    "action_taken": "Called the pharmacy about the refill of lisinopril",
                    "clinical_relevance": "Missed three doses; pressure 156/90 at home",
                }
            ]
        }
    )

    problem: ProblemAddressed = ProblemAddressed()
    additional_problems: list[OtherProblem] = Field(default_factory=list, max_length=20)
    action_taken: Text | None = Field(default=None, examples=["Called the pharmacy about the refill"])
    clinical_relevance: Text | None = Field(default=None, examples=["Missed three doses; pressure 156/90"])
    note: Text | None = None

    def to_note(self) -> TimerNote:
        """Return it for the use case."""
        others = tuple(Problem(other.condition, (), other.text) for other in self.additional_problems)
        return TimerNote(self.problem.to_problem(), others, self.action_taken, self.clinical_relevance, self.note)


class TimerDiscard(TimerCall):
    """The end of a timer that leaves no time behind."""

    reason: Text = Field(examples=["started for the wrong patient"])


class TimerView(BaseModel):
    """A timer as it stands."""

    id: UUID
    performer: str
    patient: str
    program: Program
    activity: Activity
    role: PerformerRole
    directed_by: str | None
    status: TimerStatus
    started_at: datetime
    running_since: datetime | None = Field(description="Set while it runs.")
    heard_at: datetime = Field(description="When its client was last heard of.")
    forgotten_at: datetime | None = Field(description="Where silence paused it; ask the person whether the silence was work.")
    seconds: int = Field(description="Measured so far, up to heard_at.")

    @classmethod
    def of(cls, record: TimerRecord) -> Self:
        """Return the view of a timer."""
        timer = record.timer
        return cls(
            id=record.id,
            performer=record.performer.id,
            patient=record.patient,
            program=timer.work.program,
            activity=timer.work.activity,
            role=record.role,
            directed_by=record.directed_by,
            status=timer.status,
            started_at=record.started_at,
            running_since=timer.running_since,
            heard_at=timer.heard_at,
            forgotten_at=timer.forgotten_at,
            seconds=timer.seconds,
        )


class TimerList(BaseModel):
    """Timers that are not over."""

    timers: list[TimerView]


class StoppedTimer(BaseModel):
    """An ended timer and the entries that it left behind."""

    timer: TimerView
    entries: list[str] = Field(description="Addresses of the Tasks, one for each uninterrupted stretch, in order.")
