"""What the operator has on file: rights to caller IDs, signed overrides of rule rows, registrations and policies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from dialer.compliance.policy import CallerIdRight


class DocumentKind(StrEnum):
    """What a jurisdiction may want on file before the first call."""

    REGISTRATION = "registration"  # or licence of the caller
    BOND = "bond"
    PERMIT = "permit"  # for announcing devices
    POLICY = "policy"  # the operator's own written do-not-call policy (47 CFR 64.1200(d)(1))
    REVIEW = "review"  # counsel's written view of a rule that data cannot express


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the operator has."""

    kind: DocumentKind
    jurisdiction: str  # "US-TX"
    reference: str  # number or place: "Secretary of State, no. 20250117"
    valid_until: date | None = None  # last day


@dataclass(frozen=True, slots=True)
class Override:
    """A signed decision to rely on one rule row that is not verified, exactly as it reads now.

    ``digest`` is the row's; when the row changes the override no longer fits. A ban cannot be overridden.
    """

    jurisdiction: str
    digest: str
    by: str  # who signed
    on: date
    advice: str  # on whose advice, where it is kept


@dataclass(frozen=True, slots=True)
class Operator:
    """All of it, as configured."""

    caller_ids: tuple[CallerIdRight, ...]
    overrides: tuple[Override, ...] = ()
    documents: tuple[Document, ...] = ()

    @property
    def version(self) -> str:
        """Changes when anything here does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]
