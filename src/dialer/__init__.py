"""An outbound voice-message dialer that asks the law before every call."""

from __future__ import annotations

__version__ = "0.1.0"
