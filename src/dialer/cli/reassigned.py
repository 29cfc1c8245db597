"""``dialer reassigned``: asking the reassigned-numbers database, by files or over HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from dialer.cli.context import Context, context_of, run_async
from dialer.compliance.rnd import answers, query
from dialer.errors import DialerError

BATCH = 500
TIMEOUT_S = 60.0

app = typer.Typer(
    help="Numbers that may have gone to somebody else since consent was given (47 CFR 64.1200(m)).\n\n"
    "Example: dialer reassigned query --list patients --out ask.csv",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
OfList = Annotated[str, typer.Option("--list", help="The contact list.")]


@app.command("query")
def write_query(
    ctx: typer.Context,
    of_list: OfList,
    out: Annotated[Path, typer.Option(help="The file to hand in.")],
) -> None:
    """Write what to ask: each American number of a list with the date of its latest consent.

    Example: dialer reassigned query --list patients --out ask.csv
    """
    context = context_of(ctx)
    asked = run_async(_asked(context, of_list))
    try:
        out.write_text(query(asked), encoding="ascii")
    except OSError as error:
        raise DialerError(f"{out}: {error.strerror}") from error
    context.out.print(f"{len(asked)} numbers; hand the file in, then `dialer reassigned import` what comes back")


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="What came back: number,date,answer.")],
) -> None:
    """Put the database's answers on file, all or none.

    Example: dialer reassigned import answer.csv
    """
    context = context_of(ctx)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DialerError(f"{file}: cannot be read: {error}") from error
    _keep(context, text, file.name)


@app.command()
def ask(
    ctx: typer.Context,
    of_list: OfList,
    url: Annotated[str, typer.Option(help="Where a query file is posted and the answer file comes back.")],
) -> None:
    """Ask over HTTP: the query file is posted, and the answer put on file.

    Example: dialer reassigned ask --list patients --url https://rnd.example.net/query
    """
    context = context_of(ctx)
    if not url.startswith(("http://", "https://")):
        raise DialerError(f"{url!r} is no address", hint="https://...")
    asked = run_async(_asked(context, of_list))
    request = urllib.request.Request(  # noqa: S310  the scheme was looked at above
        url, data=query(asked).encode("ascii"), headers={"Content-Type": "text/csv"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            text = response.read().decode("utf-8-sig")
    except (urllib.error.URLError, OSError, UnicodeDecodeError) as error:
        raise DialerError(
            f"{url}: {error}", hint="nothing was put on file; the file exchange works without it"
        ) from error
    _keep(context, text, url)


def _keep(context: Context, text: str, source: str) -> None:
    found = answers(text, context.clock.now(), source)

    async def work() -> int:
        async with context.store() as store:
            return await store.reassigned.add(found)

    new = run_async(work())
    counts: dict[str, int] = {}
    for each in found.values():
        counts[each.answer.value] = counts.get(each.answer.value, 0) + 1
    said = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in sorted(counts.items()))
    context.out.print(f"{new} answers put on file: {said or 'none'}", markup=False)


async def _asked(context: Context, of_list: str) -> list[tuple[str, date]]:
    asked = []
    async with context.store() as store:
        numbers = [each.number.e164 for each in await store.lists.contacts(of_list)]
        for batch in _batches([each for each in numbers if each.startswith("+1")]):
            consents = await store.consents.of_all(batch)
            for e164 in batch:
                given = [each.given_at for each in consents[e164] if each.revoked_at is None]
                if given:
                    asked.append((e164, max(given).date()))
    return asked


def _batches(numbers: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
