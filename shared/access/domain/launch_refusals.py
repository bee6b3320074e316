"""Why a launch ends before a chart opens: what happened, what to do, whom to send it to (design guide 4.7, 5)."""

from dataclasses import dataclass

from shared.kernel.errors import Malformed

_FROM_CHART = ("Close this tab.", "Open the patient’s chart.", "Start Careledger again from the chart’s menu.")
_LATER = ("Wait a minute.", "Start Careledger again from the chart’s menu.")
_TEAM = ("Close this tab.", "Send what stands below to your EHR team.")
_WINDOW = (
    "Close this tab.",
    "Start Careledger again from the chart’s menu.",
    "Leave it open in that window until the chart shows.",
)


@dataclass(frozen=True)
class Explanation:
    """The words of a refusal's page."""

    happened: str
    why: str
    steps: tuple[str, ...]


EXPLANATIONS = {
    "launch-incomplete": Explanation(
        "Careledger did not open",
        "Careledger opens from a chart or from the menu of your EHR. This address was opened without one. Nothing was recorded.",
        ("Close this tab.", "Start Careledger from the menu of your EHR."),
    ),
    "launch-unknown-ehr": Explanation(
        "Careledger does not know this EHR",
        "The address of the EHR that started Careledger is not one of a practice that uses it. Nothing was recorded.",
        _TEAM,
    ),
    "launch-expired": Explanation(
        "This start took too long",
        "More than 10 minutes went by between the start and the answer of your EHR. Nothing was recorded.",
        _FROM_CHART,
    ),
    "launch-used": Explanation(
        "This start was used already",
        "Each start from the chart opens Careledger once. Nothing was recorded.",
        _FROM_CHART,
    ),
    "launch-other-browser": Explanation(
        "Open Careledger from the chart again",
        "The answer of your EHR came to another window or browser than the one that asked. We stopped, so that nobody sees or "
        "writes in the wrong chart. Nothing was recorded.",
        _WINDOW,
    ),
    "launch-no-patient": Explanation(
        "Careledger did not open a chart",
        "Your EHR started Careledger without saying which patient is open. We stopped, so that you cannot see or write in the "
        "wrong chart. Nothing was recorded.",
        _FROM_CHART,
    ),
    "sign-in-refused": Explanation(
        "Your EHR did not sign you in",
        "It answered that this was not allowed for you, or the sign-in was given up. Nothing was recorded.",
        (
            "Close this tab.",
            "Start Careledger again from the chart’s menu.",
            "If it is refused again, ask who gives rights in your EHR.",
        ),
    ),
    "ehr-set-up": Explanation(
        "Your EHR did not accept Careledger",
        "It does not know this app as we present it. Nothing was recorded.",
        _TEAM,
    ),
    "ehr-not-answering": Explanation(
        "Your EHR does not answer",
        "Careledger asked your EHR who you are and which chart is open, and got no answer that it can use. Nothing was recorded.",
        _LATER,
    ),
    "sign-in-not-proved": Explanation(
        "Careledger could not check who you are",
        "The answer of your EHR was not one that we can trust. We stopped, so that nobody works in your name. "
        "Nothing was recorded.",
        _TEAM,
    ),
    "not-staff": Explanation(
        "Careledger is for the practice’s staff",
        "Your EHR says that you are signed in as a patient or relative. Nothing was recorded.",
        ("Close this tab.",),
    ),
    "role-not-mapped": Explanation(
        "You have no role in Careledger yet",
        "Your EHR signed you in, but your practice has not said what you do in Careledger. Nothing was recorded.",
        ("Ask the lead of your practice’s care program to add you to the staff list.", "Then start Careledger again."),
    ),
}
"""By code: the code is what stands on the page for the EHR team."""


class LaunchRefused(Malformed):
    """A launch that ends here; `code` is one of EXPLANATIONS, `detail` goes to the log only and holds no patient data."""

    rule = "launch"

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(EXPLANATIONS[code].happened, rule=code)
        self.code = code
        self.detail = detail


AUTHORIZE_ERRORS = {
    "access_denied": "sign-in-refused",
    "login_required": "sign-in-refused",
    "interaction_required": "sign-in-refused",
    "consent_required": "sign-in-refused",
    "server_error": "ehr-not-answering",
    "temporarily_unavailable": "ehr-not-answering",
}
"""What an EHR's error answer (RFC 6749 4.1.2.1, OpenID Connect 3.1.2.6) means; every other one is a matter of set-up."""


def refused_by_ehr(error: str) -> LaunchRefused:
    """Return the refusal for an error code of the EHR's authorization or token endpoint."""
    return LaunchRefused(AUTHORIZE_ERRORS.get(error, "ehr-set-up"), error if error.isidentifier() and len(error) <= 40 else "")
