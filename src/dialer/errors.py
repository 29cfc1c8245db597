"""Everything that dialer raises on purpose.

::

    DialerError                 one line for the operator, and a hint
    ├── ConfigError             dialer.toml or sip.conf: file, line or key, what is allowed
    ├── CampaignError           a campaign file or its audio does not hold together
    ├── ContactsError           a contact file cannot be read at all (single rows are rejected, not raised)
    ├── ComplianceError         the rule table or the facts of a decision are unusable
    │   ├── PermitError         a permit is forged, expired or made for another call
    │   └── RegistryError       a do-not-call registry, or a file to load into one, is damaged or not what it should be
    ├── AudioError              a sound file is missing, unreadable or of no use on a telephone line
    ├── CallStateError          the call machine was given an event its state does not allow
    ├── StoreError              the database cannot be used
    │   ├── StoreBusy           locked by another process
    │   ├── StoreReadOnly       not writable
    │   ├── StoreTooNew         written by a later version of dialer
    │   ├── StoreDamaged        not a database, or one whose pages do not add up
    │   └── EngineRunning       another engine works on this store
    └── AgentError              the SIP agent cannot start or has gone
        ├── PortInUse           the SIP or RTP port is taken
        └── TrunkUnavailable    no trunk answers
"""

from __future__ import annotations


class DialerError(Exception):
    """An error meant for the operator: one line, and a hint at what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(DialerError):
    """A setting in dialer.toml or sip.conf is unknown, missing or out of range."""


class CampaignError(DialerError):
    """A campaign file, or the audio it names, does not hold together."""


class ContactsError(DialerError):
    """A contact file cannot be read at all."""


class ComplianceError(DialerError):
    """The rule table, or the facts for a decision, are unusable: no call may be placed."""


class PermitError(ComplianceError):
    """A permit is forged, expired or was made for another call."""


class RegistryError(ComplianceError):
    """A do-not-call registry is damaged, or a file for it is not what it should be; nothing was changed."""


class AudioError(DialerError):
    """A sound file is missing, unreadable or of no use on a telephone line."""


class CallStateError(DialerError):
    """The call machine was given an event that its state does not allow; nothing changed."""


class StoreError(DialerError):
    """The database cannot be used."""


class StoreBusy(StoreError):
    """Another process holds the database locked."""


class StoreReadOnly(StoreError):
    """The database, or the disk below it, cannot be written."""


class StoreTooNew(StoreError):
    """The database was written by a later version of dialer."""


class StoreDamaged(StoreError):
    """The file is not a database, or its pages do not add up."""


class EngineRunning(StoreError):
    """Another engine is at work on this store."""


class AgentError(DialerError):
    """The SIP agent cannot start, or has gone."""


class PortInUse(AgentError):
    """The SIP or RTP port is taken by another program."""


class TrunkUnavailable(AgentError):
    """No trunk takes calls."""
