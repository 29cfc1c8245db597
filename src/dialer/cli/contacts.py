"""``dialer contacts``: lists of people."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dialer.cli.context import Context, context_of, run_async
from dialer.cli.importing import parts_of
from dialer.cli.numbers import number_of
from dialer.contacts.contact import Contact, LineType, Recipient, Relationship
from dialer.contacts.importing import read_file
from dialer.contacts.plain import PlainPart
from dialer.contacts.rows import Defaults
from dialer.errors import ContactsError

if TYPE_CHECKING:  # what is heavy to import is imported while the file is read already
    from dialer.store.erasure import Erased, Expired
    from dialer.store.importing import ImportCounts

app = typer.Typer(
    help="Lists of people.\n\nExample: dialer contacts import patients.csv --list patients",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file; its first line names the columns.")],
    list_name: Annotated[str, typer.Option("--list", help="The list to put them on; default: the file's name.")] = "",
    region: Annotated[str, typer.Option(help="ISO country of numbers in national form, such as US.")] = "",
    encoding: Annotated[str, typer.Option(help="latin-1, iso-8859-2, windows-1251 …; default: found out.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="field=column, where the header does not tell.")] = None,
    recipient: Annotated[Recipient, typer.Option(help="For rows that do not say.")] = Recipient.UNKNOWN,
    line_type: Annotated[LineType, typer.Option(help="For rows that do not say.")] = LineType.UNKNOWN,
    relationship: Annotated[Relationship, typer.Option(help="For rows that do not say.")] = Relationship.COLD,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; default: FILE.rejects.csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The counts as JSON.")] = False,
) -> None:
    """Import a contact list: all rows that are good, in one transaction, or nothing when the file is not readable.

    Rejected rows go to a file of their own, with line and reason. Importing the same file again changes nothing.

    Example: dialer contacts import patients.csv --list patients --region US
    """
    context = context_of(ctx)
    columns = dict(_pair(each) for each in column or ())
    defaults = Defaults(
        region=region.upper() or None, recipient=recipient, line_type=line_type, relationship=relationship
    )
    rejects = rejects or file.with_name(f"{file.name}.rejects.csv")
    name = list_name or file.stem
    counts, rejected = _import(context, file, name, defaults, encoding or None, columns, rejects)
    total = sum(rejected.values())
    if as_json:
        document = asdict(counts)
        context.print_json({"list": name, **document, "rejected": rejected, "rejects": str(rejects) if total else None})
        return
    context.out.print(
        f"{name}: {counts.new} new, {counts.updated} updated, {counts.unchanged} unchanged; "
        f"{counts.consents} consents put on file; {counts.on_other_lists} are on other lists too",
        markup=False,
    )
    if total:
        reasons = ", ".join(f"{number} {why.replace('_', ' ')}" for why, number in rejected.most_common())
        context.err.print(f"{total} rows rejected ({reasons}): {rejects}", markup=False)


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The lists there are.

    Example: dialer contacts list
    """
    context = context_of(ctx)

    async def work() -> None:
        async with context.store() as store:
            lists = await store.lists.all()
        if as_json:
            context.print_json([{"name": each.name, "contacts": each.contacts} for each in lists])
            return
        table = Table("list", "contacts", "made", box=None)
        for each in lists:
            table.add_row(each.name, str(each.contacts), f"{each.created_at:%Y-%m-%d %H:%M} UTC")
        context.out.print(table if lists else "No lists yet: `dialer contacts import FILE` makes one.")

    run_async(work())


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The list.")],
    limit: Annotated[int, typer.Option(help="So many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The first contacts of a list.

    Example: dialer contacts show patients --limit 5
    """
    context = context_of(ctx)

    async def work() -> None:
        async with context.store() as store:
            found = await store.lists.contacts(name, limit)
        if as_json:
            context.print_json([_plain(each) for each in found])
            return
        table = Table("number", "name", "kind", "zone", "state", "recipient", "relationship", box=None)
        for each in found:
            zone = each.time_zone or ""
            table.add_row(
                each.number.e164, each.name, each.number.kind, zone, each.state, each.recipient, each.relationship
            )
        context.out.print(table)

    run_async(work())


def _import(
    context: Context,
    path: Path,
    name: str,
    defaults: Defaults,
    encoding: str | None,
    columns: dict[str, str],
    rejects: Path,
) -> tuple[ImportCounts, Counter[str]]:
    rejected: Counter[str] = Counter()
    with ExitStack() as files:
        try:
            file = files.enter_context(path.open("rb"))
            size = path.stat().st_size
        except OSError as error:
            raise ContactsError(f"{path}: cannot be read: {error.strerror}") from error
        contents = read_file(file, defaults, encoding=encoding, columns=columns)
        parts = files.enter_context(parts_of(contents, file, size))

        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        progress = files.enter_context(
            Progress(
                TextColumn(path.name),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=context.err,
                transient=True,
                disable=not context.err.is_terminal,
            )
        )
        bar = progress.add_task("import", total=size)
        part = rejects.with_name(rejects.name + ".part")
        try:
            out = files.enter_context(part.open("w", encoding="utf-8", newline=""))
        except OSError as error:
            raise ContactsError(f"{rejects}: cannot be written: {error.strerror}", hint="--rejects names it") from error

        def good() -> Iterator[PlainPart]:
            writer = csv.writer(out)
            writer.writerow(["line", "reason", "column", "explanation", *contents.header.names])
            for part in parts:
                for row in part.rejected:
                    rejected[row.code.value] += 1
                    writer.writerow([row.line, row.code.value, row.column, row.text, *row.cells])
                yield part.contacts
                progress.update(bar, completed=part.read)

        async def work() -> ImportCounts:
            async with context.store() as store:
                return await store.lists.import_parts(name, good(), context.clock.now())

        try:
            counts = run_async(work())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    if rejected:
        part.replace(rejects)
    else:
        part.unlink()
        rejects.unlink(missing_ok=True)  # of an earlier import of this file: it is mended now
    return counts, rejected


def _pair(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r}: write field=column, such as phone=Telefon")
    return field.strip(), column.strip()


def _plain(contact: Contact) -> dict[str, object]:
    return {
        "number": contact.number.e164,
        "region": contact.number.region,
        "kind": contact.number.kind,
        "name": contact.name,
        "time_zone": contact.time_zone,
        "postal_code": contact.postal_code,
        "state": contact.state,
        "recipient": contact.recipient,
        "line_type": contact.line_type,
        "relationship": contact.relationship,
        "language": contact.language,
        "extra": dict(contact.extra),
    }


@app.command()
def erase(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="Whose, in international form.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit chain.")],
) -> None:
    """Remove what is known of a person, and never call the number again; it stays as a keyed hash.

    Records of calls that were placed, and the consents for them, are kept as long as the law wants.

    Example: dialer contacts erase +13055550123 --reason "asked by letter, GDPR art. 17"
    """
    context = context_of(ctx)
    e164 = number_of(number).e164

    async def work() -> Erased:
        async with context.store() as store:
            return await store.erasure.erase(e164, reason, context.clock.now())

    gone = run_async(work())
    context.out.print(
        f"{e164}: {gone.contacts} contacts and {gone.refusals} refusals erased, {gone.calls_kept} records of calls "
        "kept for their time; it is never called again",
        markup=False,
    )


@app.command()
def retention(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is past its time.")] = False,
) -> None:
    """Remove records of calls and refusals that have been kept as long as the law of their country wants.

    Example: dialer contacts retention --dry-run
    """
    from dialer.compliance.rules import builtin_rules, retention_years

    context = context_of(ctx)
    now = context.clock.now()
    rules = builtin_rules()

    async def work() -> list[tuple[str, int, Expired]]:
        async with context.store() as store:
            done = []
            for region in await store.erasure.regions():
                years = retention_years(rules, region)
                act = store.erasure.expired if dry_run else store.erasure.expire
                done.append((region, years, await act(region, years, now)))
            return done

    for region, years, gone in run_async(work()):
        word = "are past" if dry_run else "removed, past"
        context.out.print(f"{region}: {gone.attempts} calls and {gone.refusals} refusals {word} {years} years")
