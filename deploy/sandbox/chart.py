"""The EHR's own pages: sign in by choosing a name, the patients, a chart with an app in it, the menu with an app in it."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.cds import Advice, CdsClient
from deploy.sandbox.clients import Client
from deploy.sandbox.launch import Context
from deploy.sandbox.smart import AuthorizationServer
from deploy.sandbox.store import Resource, Store

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, trim_blocks=True)
_SANDBOX = re.compile(r"(allow-[a-z-]+( allow-[a-z-]+)*)?\Z")
_INTENT = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")


_HOOK = "patient-view"


class PageRefused(Exception):
    """A page that cannot be shown, with its status and a sentence that says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def refused_page(request: Request, error: Exception) -> Response:
    """Turn PageRefused into a page."""
    del request
    if not isinstance(error, PageRefused):
        raise error
    return _page("refused.html", error.status, text=str(error))


class ChartPages:
    """`/`, `/menu`, `/chart/{patient}`: who is signed in stands in the query (`user`), since this is a sandbox."""

    def __init__(self, store: Store, authorization: AuthorizationServer, cds: CdsClient | None) -> None:
        self._store = store
        self._authorization = authorization
        self._cds = cds

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/menu", self.menu, methods=["GET"]),
            Route("/chart/{patient}", self.chart, methods=["GET"]),
            Route("/chart/{patient}/feedback", self.feedback, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        """GET /: the staff to sign in as and, for one who is, the patients."""
        patients = sorted((_person(one.resource) for one in self._store.current("Patient")), key=lambda one: str(one["name"]))
        return _page("home.html", patients=patients, **self._frame(request))

    async def menu(self, request: Request) -> Response:
        """GET /menu?user=&app=&window=&sandbox=&intent=: an app opened without a chart."""
        return self._with_app(request, "menu.html", None)

    async def chart(self, request: Request) -> Response:
        """GET /chart/{patient}?user=&app=&appContext=&window=&sandbox=&encounter=&intent=: a chart, and the app opened for it.

        `app` is a client id (default: the first app registered); `window=own` gives a link instead of the frame; `sandbox`
        are the values of the frame's attribute (empty is the attribute without values, absent is no attribute). `appContext` is
        what the link of a card says. For one who is signed in the hook patient-view is fired.
        """
        patient = self._resource("Patient", request.path_params["patient"])
        return self._with_app(request, "chart.html", patient, **await self._advice(request, patient["id"]))

    async def feedback(self, request: Request) -> Response:
        """POST /chart/{patient}/feedback: tell the CDS service that its card was set aside, and show the chart again."""
        patient = self._resource("Patient", request.path_params["patient"])
        if self._cds is None:
            raise PageRefused(404, "No CDS service is asked here.")
        form = await request.form()
        system, _, code = str(form.get("reason", "")).rpartition("|")
        try:
            await self._cds.set_aside(_HOOK, str(form.get("card", "")), {"system": system, "code": code} if code else None)
        except httpx.HTTPError as error:
            raise PageRefused(502, "The CDS service does not take this.") from error
        return RedirectResponse(f"/chart/{patient['id']}?{request.url.query}", 303)

    async def _advice(self, request: Request, patient: str) -> dict[str, Any]:
        """Fire patient-view and return what the page needs to show the cards."""
        query = request.query_params
        kept = [(name, value) for name, value in query.multi_items() if name not in ("app", "appContext")]
        shown: dict[str, Any] = {"advice": Advice(), "chart": f"/chart/{patient}", "query": urlencode(kept)}
        if self._cds is None or not query.get("user"):
            return shown
        context = {"userId": f"Practitioner/{query['user']}", "patientId": patient}
        if encounter := self._encounter(query.get("encounter"), patient):
            context["encounterId"] = encounter
        return shown | {"advice": await self._cds.advice(_HOOK, context)}

    async def sign_out(self, request: Request) -> Response:
        """POST /sign-out: void what apps were given while this user was signed in."""
        self._authorization.sign_out(str((await request.form()).get("user", "")))
        return RedirectResponse("/", 303)

    def _with_app(self, request: Request, template: str, patient: Resource | None, **values: Any) -> Response:
        """Show a page that opens the app, once somebody is signed in; each showing is a launch of its own."""
        query, frame = request.query_params, self._frame(request)
        sandbox, own = query.get("sandbox"), query.get("window") == "own"
        if sandbox is not None and not _SANDBOX.match(sandbox):
            raise PageRefused(400, "sandbox takes the values of an iframe's attribute.")
        intent = query.get("intent")
        if intent is not None and not _INTENT.match(intent):
            raise PageRefused(400, "intent is a word of small letters, digits and hyphens.")
        app, address, key = self._app(query.get("app")), None, patient["id"] if patient else None
        if app is not None and frame["user"] is not None:
            encounter = self._encounter(query.get("encounter"), key)
            context = Context(frame["user"]["id"], key, encounter, intent, banner=own, app_context=query.get("appContext"))
            address = self._authorization.launches.open(app, context)
        return _page(
            template, app=app, address=address, own=own, sandbox=sandbox, patient=_person(patient) if patient else None,
            problems=self._problems(key) if key else [], **frame, **values,
        )  # fmt: skip

    def _frame(self, request: Request) -> dict[str, Any]:
        """Return what every page shows: the staff, who of them is signed in, and the query to keep when that changes."""
        staff = sorted((_person(one.resource) for one in self._store.current("Practitioner")), key=lambda one: str(one["name"]))
        user = request.query_params.get("user")
        signed_in = next((one for one in staff if one["id"] == user), None)
        if user and signed_in is None:
            raise PageRefused(404, "Nobody of that name works here.")
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "user"]
        return {"staff": staff, "user": signed_in, "kept": kept}

    def _app(self, client_id: str | None) -> Client | None:
        """Return the registered app of that id, or the first one; None if none is registered."""
        apps = [one for one in self._authorization.settings.clients if one.launch_url]
        if client_id is None:
            return apps[0] if apps else None
        found = next((one for one in apps if one.client_id == client_id), None)
        if found is None:
            raise PageRefused(404, "No such app is registered.")
        return found

    def _encounter(self, key: str | None, patient: str | None) -> str | None:
        if key is None:
            return None
        if self._resource("Encounter", key).get("subject", {}).get("reference") != f"Patient/{patient}":
            raise PageRefused(404, "The encounter is not of this patient.")
        return key

    def _problems(self, patient: str) -> list[str]:
        conditions = (one.resource for one in self._store.current("Condition"))
        return [_text(one) for one in conditions if one.get("subject", {}).get("reference") == f"Patient/{patient}"]

    def _resource(self, kind: str, key: str) -> Resource:
        found = self._store.read(kind, key)
        if found is None:
            raise PageRefused(404, f"The EHR keeps no such {kind}.")
        return found.resource


def _person(resource: Resource) -> dict[str, str]:
    """Return id, name, birth date and medical record number (its first identifier) of a Patient or Practitioner."""
    name = _first(resource.get("name"))
    words = [f"{name.get('family', '')},", *name.get("given", []), *name.get("suffix", [])]
    number = _first(resource.get("identifier")).get("value", "")
    return {"id": resource["id"], "name": " ".join(words), "birth": resource.get("birthDate", ""), "number": number}


def _text(condition: Resource) -> str:
    code = condition.get("code", {})
    return str(code.get("text") or _first(code.get("coding")).get("display", ""))


def _first(items: list[Resource] | None) -> Resource:
    return items[0] if items else {}


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status, {"Cache-Control": "no-store"})
