"""From a campaign's file to what the engine dials with: the definition, and its sounds prepared for the line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dialer.calls.plan import CallLimits, CallScript, KeyAction, KeyRule, MachinePolicy, TransferScript
from dialer.campaigns.definition import MIN_RING_S, Answer, Definition, Part, Transfer, parse_definition
from dialer.compliance.policy import Purpose
from dialer.engine.ports import LoadedCampaign, OperatorsPlan
from dialer.errors import CampaignError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialer.audio.prepare import PreparedSound
    from dialer.calls.trunk import Trunk
    from dialer.campaigns.retry import RetryPlan
    from dialer.config import Config
    from dialer.results.records import CampaignRow

PROMPTS = {KeyAction.ACCEPT: "accepted", KeyAction.OPT_OUT: "opted_out", KeyAction.ANSWER: "answered"}


class FileCampaignLoader:
    """Loads campaigns whose sounds are files beside the campaign's own."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sounds = config.directory / "sounds"

    async def load(self, row: CampaignRow) -> LoadedCampaign:
        """Parse the definition, prepare its sounds, choose its trunks. Raises as ``load_now``."""
        import asyncio

        return await asyncio.to_thread(self.load_now, row)

    async def retry_plan(self, row: CampaignRow) -> RetryPlan:
        """When its contacts are tried again."""
        return parse_definition(row.definition, row.name).retry()

    def load_now(self, row: CampaignRow) -> LoadedCampaign:
        """The same where there is no event loop. Raises CampaignError, AudioError, ConfigError."""
        from dialer.audio.prepare import prepare_sound

        definition = parse_definition(row.definition, row.name)
        trunks = trunks_for(definition, self._config)
        base = Path(row.base_dir)
        sounds: dict[str, PreparedSound] = {}

        def sound(path: Path) -> str:
            prepared = prepare_sound(path, self._sounds)
            sounds[prepared.sound] = prepared
            return prepared.sound

        message = definition.message
        script = CallScript(
            message=sound(base / message.sound),
            keys={key: self._rule(definition, base, word, sound) for key, word in definition.keys.items()},
            machine=MachinePolicy(definition.machines.policy),
            machine_message=sound(base / message.machine_sound) if message.machine_sound else "",
            goodbye=sound(base / message.goodbye) if message.goodbye else "",
            key_wait_s=message.key_wait_s,
            max_repeats=message.max_repeats,
            detect_machine=definition.machines.detect,
            beep_wait_s=definition.machines.beep_wait_s,
            transfer=self._transfer(definition.transfer, base, sound),
        )
        played = {"parts": script.message, "machine_parts": script.machine_message or script.message}
        for key, which in played.items():
            _check_parts(row.name, key, getattr(message, key), sounds[which])
        hold = script.transfer.hold if script.transfer else ""  # repeated, and left when an operator comes
        longest = max(each.ms for name, each in sounds.items() if name != hold) / 1000
        if longest >= definition.limits.max_duration_s:
            raise CampaignError(
                f"{row.name}: a sound of {longest:.0f} s does not fit into limits.max_duration_s "
                f"({definition.limits.max_duration_s:.0f} s)"
            )
        return LoadedCampaign(
            row=row,
            policy=definition.policy(row.id),
            retry=definition.retry(),
            script=script,
            limits=CallLimits(
                ring_timeout_s=max(MIN_RING_S, min(definition.limits.ring_timeout_s, trunks[0].ring_timeout_s)),
                max_duration_s=definition.limits.max_duration_s,
            ),
            trunks=tuple(trunk.name for trunk in trunks),
            cps=definition.pacing.cps,
            channels=definition.pacing.channels,
            display_name=definition.campaign.display_name,
            sounds={each.sound: str(each.path) for each in sounds.values()},
            ramp_s=definition.pacing.ramp_s,
            share=definition.pacing.share,
            operators=_operators(definition.transfer),
        )

    def _transfer(self, given: Transfer | None, base: Path, sound: Callable[[Path], str]) -> TransferScript | None:
        if given is None:
            return None
        return TransferScript(
            trunk=self._config.trunk(given.trunk).name,
            hold=sound(base / given.hold),
            nobody=sound(base / given.nobody),
            whisper=sound(base / given.whisper) if given.whisper else "",
            ring_s=given.ring_s,
            max_talk_s=given.max_talk_s,
        )

    def _rule(self, definition: Definition, base: Path, word: str | Answer, sound: Callable[[Path], str]) -> KeyRule:
        from dialer.audio.prepare import prompt_path

        action = KeyAction.ANSWER if isinstance(word, Answer) else KeyAction(word)
        own = {
            KeyAction.ACCEPT: definition.message.accepted,
            KeyAction.OPT_OUT: definition.message.opted_out,
            KeyAction.ANSWER: definition.message.answered,
        }.get(action, "")
        prompt = sound(base / own) if own else sound(prompt_path(PROMPTS[action])) if action in PROMPTS else ""
        return KeyRule(action=action, value=word.answer if isinstance(word, Answer) else "", prompt=prompt)


def _operators(given: Transfer | None) -> OperatorsPlan | None:
    return OperatorsPlan(given.addresses, given.trunk, given.dialing, given.wrap_up_s) if given else None


def _check_parts(campaign: str, key: str, parts: tuple[Part, ...], sound: PreparedSound) -> None:
    """Raise CampaignError for a part that the sound is too short for."""
    for part in parts:
        if part.to_s * 1000 > sound.ms:
            raise CampaignError(
                f"{campaign}: message.{key}: {part.says} ends at {part.to_s:g} s, the sound at {sound.ms / 1000:.1f} s",
                hint="say when each part is heard, in seconds from the beginning",
            )


def trunks_for(definition: Definition, config: Config) -> tuple[Trunk, ...]:
    """The trunks this campaign may use, in its order. CampaignError when the number fits none."""
    names = definition.campaign.trunks or tuple(trunk.name for trunk in config.trunks)
    trunks = tuple(config.trunk(name) for name in names)
    fit = tuple(trunk for trunk in trunks if definition.campaign.caller_id in trunk.caller_ids)
    if not fit:
        raise CampaignError(
            f"caller ID {definition.campaign.caller_id} is not among the caller_ids of {', '.join(names)}",
            hint="sip.conf lists the numbers that you have a right to present, with the ground",
        )
    hiding = [trunk.name for trunk in fit if trunk.private]
    if hiding and definition.campaign.purpose is Purpose.MARKETING:
        raise CampaignError(
            f"trunk {hiding[0]} withholds the number, which a sales call may not (47 CFR 64.1601(e))",
            hint="set private = no in sip.conf, or name other trunks in the campaign",
        )
    return fit
