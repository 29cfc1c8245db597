"""What the law still asks of a campaign, on the screen and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dialer.compliance.readiness import Readiness, readiness
from dialer.compliance.rules import builtin_rules
from dialer.contacts.zones import jurisdictions
from dialer.errors import CampaignError

if TYPE_CHECKING:
    from dialer.cli.context import Context
    from dialer.compliance.policy import CampaignPolicy
    from dialer.contacts.contact import Contact


def readiness_in(context: Context, policy: CampaignPolicy, contacts: Sequence[Contact]) -> Readiness:
    """Where a campaign stands before the law of these people's places."""
    places = dict.fromkeys(each for contact in contacts for each in jurisdictions(contact))
    on = context.clock.now().date()
    return readiness(builtin_rules(), context.config.operator, policy, sorted(places), on)


def must_not_lack_a_duty(context: Context, policy: CampaignPolicy, contacts: Sequence[Contact]) -> None:
    """Raise CampaignError when the message lacks what a country of these people asks of every message."""
    lacking = readiness_in(context, policy, contacts).national_duties
    if lacking:
        first = lacking[0]
        raise CampaignError(
            f"the message lacks {first.what} ({first.jurisdiction}: {first.citation})",
            hint="declare it in [message] parts; `dialer campaign check FILE --list NAME` lists all that is missing",
        )


def is_ready(ready: Readiness) -> bool:
    """Whether nothing is missing that would keep every call to some place from being placed."""
    return not ready.duties and not ready.to_override and all(each.valid for each in ready.documents)


def readiness_document(ready: Readiness) -> dict[str, Any]:
    """All of it, JSON-ready."""
    return {
        "jurisdictions": [row.jurisdiction for row in ready.rows],
        "without_rule": list(ready.without_rule),
        "sales_calls_banned": [row.jurisdiction for row in ready.banned],
        "to_override": [{"jurisdiction": row.jurisdiction, "status": row.status.value} for row in ready.to_override],
        "missing_from_message": [
            {"jurisdiction": each.jurisdiction, "what": each.what, "citation": each.citation} for each in ready.duties
        ],
        "documents": [
            {
                "jurisdiction": each.jurisdiction,
                "kind": each.kind.value,
                "what": each.what,
                "on_file": each.on_file.reference if each.on_file else None,
                "valid_until": each.on_file.valid_until if each.on_file else None,
                "valid": each.valid,
            }
            for each in ready.documents
        ],
        "registries": [
            {"jurisdiction": where, "registry": rule.registry, "max_age_days": rule.max_age_days}
            for where, rule in ready.registries
        ],
    }


def show_readiness(context: Context, ready: Readiness) -> None:
    """As lines: first what is missing."""

    def say(what: str, line: str) -> None:
        context.out.print(f"{what:>15}  {line}", markup=False, soft_wrap=True)

    say("law of", ", ".join(row.jurisdiction for row in ready.rows) or "nowhere")
    for where in ready.without_rule:
        say("no rule", f"{where}: nobody is called there")
    for row in ready.banned:
        say("banned", f"{row.name}: {row.citation}")
    for row in ready.to_override:
        say("not verified", f"{row.name}: `dialer rules show {row.jurisdiction}` prints what to sign")
    for duty in ready.duties:
        say("message lacks", f"{duty.what} ({duty.jurisdiction}: {duty.citation})")
    for each in ready.documents:
        until = f", until {each.on_file.valid_until}" if each.on_file and each.on_file.valid_until else ""
        on_file = f"{each.on_file.reference}{until}" if each.on_file else ""
        say("on file" if each.valid else "not on file", f"{each.jurisdiction}: {each.what}  {on_file}".rstrip())
    for where, rule in ready.registries:
        say("registry", f"{where}: {rule.registry}, at most {rule.max_age_days} days old")
    say("in all", "nothing is missing" if is_ready(ready) else "something is missing: see above")
