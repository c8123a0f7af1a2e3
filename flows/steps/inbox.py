"""Steps about the inbox: what cannot be taken is set aside and holds up nothing else, and can be brought back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from flows.context import Context, acting, permit
from flows.inbox import inbox_folder, waiting_files
from flows.steps.results import StepResult
from infra.errors import FindProfileError, WrongInputError

if TYPE_CHECKING:
    from data_contracts.intake.set_aside import SetAside

# of so many files none can be taken: then it is the source that is wrong, not the files
ALL_OF = 3


class FilesSetAside(StepResult):
    """What became of the files of an inbox that could not be taken."""

    rocu: str
    set_aside: tuple[dict[str, Any], ...]
    stay: tuple[dict[str, str], ...]
    takeable: tuple[Path, ...] = Field(exclude=True)

    def summary(self) -> dict[str, str | int | float]:
        """Counts, and the reason of each file."""
        lines: dict[str, str | int | float] = {
            "rocu": self.rocu,
            "set aside": len(self.set_aside),
            "stay in the inbox": len(self.stay),
        }
        for file in self.set_aside:
            lines[f"file {file['file_id']}"] = f"{file['reason']} {file['instruction']}"
        for number, file in enumerate(self.stay, start=1):
            lines[f"stays {number}"] = f"{file['reason']} {file['instruction']}"
        return lines


class Inbox(StepResult):
    """What waits in an inbox, and what of it was set aside."""

    rocu: str
    waiting: tuple[str, ...]
    set_aside: tuple[dict[str, Any], ...]

    def summary(self) -> dict[str, str | int | float]:
        """Counts, and a line for each file that was set aside."""
        lines: dict[str, str | int | float] = {
            "rocu": self.rocu,
            "waiting": len(self.waiting),
            "set aside": len(self.set_aside),
        }
        for file in self.set_aside:
            said = f"{file['delivered_as']}, {file['at']:.16}: {file['reason']} {file['instruction']}"
            lines[f"file {file['file_id']}"] = said
        return lines


class BroughtBack(StepResult):
    """A file that waits in the inbox again."""

    rocu: str
    file_id: str
    waits_as: str


def set_aside(context: Context, rocu: str, files: Sequence[Path], source: str = "canonical") -> FilesSetAside:
    """Set those of the files aside that cannot be taken; a file that cannot be read either stays where it is.

    Raises:
        RefusedError: No permission.
        WrongInputError: None of many files can be taken, so the source is wrong; nothing is set aside.
        FaultError: Another process is at work on the ROCU.
    """
    from data_contracts.intake.taking import untakeable_reads
    from data_contracts.sources.model import load_source

    how = load_source(source)
    permit(context, "inbox.set_aside", rocu, f"inbox of {rocu}")
    found = untakeable_reads(context.settings, context.lake, rocu, files, how)
    if len(found) == len(files) >= ALL_OF:
        first = next(iter(found.values()))
        raise WrongInputError(
            f"None of the {len(files)} files that wait for {rocu} can be taken as source {how.name}: {first.reason}",
            "Check the source that the schedule names; they stay in the inbox.",
        )
    gone: list[SetAside] = []
    stay: list[dict[str, str]] = []
    for file, why in found.items():
        try:
            gone.append(_set_one_aside(context, rocu, file, how.name, why))
        except FindProfileError as error:
            stay.append({"reason": error.reason, "instruction": error.instruction})
    return FilesSetAside(
        rocu=rocu,
        set_aside=tuple(file.model_dump(mode="json") for file in gone),
        stay=tuple(stay),
        takeable=tuple(file for file in files if file not in found),
    )


def _set_one_aside(context: Context, rocu: str, file: Path, source: str, why: WrongInputError) -> SetAside:
    from data_contracts.intake.set_aside import set_aside as seal_aside
    from governance.audit.plate_guard import withhold_plates

    with acting(context, "inbox.set_aside", rocu, "collection", f"inbox of {rocu}") as details:
        made = seal_aside(context.settings, context.lake, rocu, file, source, why, context.now)
        details |= {"file": made.file_id, "sha256": made.sha256, "why": withhold_plates(made.reason)}
    return made


def show_inbox(context: Context, rocu: str) -> Inbox:
    """What waits for a ROCU and what was set aside.

    Raises:
        RefusedError: No permission.
    """
    from data_contracts.intake.names import name_as_delivered
    from data_contracts.intake.set_aside import files_set_aside

    permit(context, "inbox.read", rocu, f"inbox of {rocu}")
    return Inbox(
        rocu=rocu,
        waiting=tuple(name_as_delivered(file) for file in waiting_files(context.settings, rocu)),
        set_aside=tuple(file.model_dump(mode="json") for file in files_set_aside(context.lake, rocu)),
    )


def bring_back(context: Context, rocu: str, file_id: str) -> BroughtBack:
    """Put a file that was set aside into the inbox again, for the next ingest.

    Raises:
        RefusedError: No permission, or the vault cannot be opened here.
        WrongInputError: No file of that id is set aside.
    """
    from data_contracts.intake.set_aside import bring_back as open_again

    with acting(context, "inbox.bring_back", rocu, "alteration", f"inbox of {rocu}") as details:
        details |= {"file": file_id}
        folder = inbox_folder(context.settings, rocu)
        folder.mkdir(parents=True, exist_ok=True)
        back = open_again(context.settings, context.lake, rocu, file_id, folder)
    return BroughtBack(rocu=rocu, file_id=file_id, waits_as=back.name)
