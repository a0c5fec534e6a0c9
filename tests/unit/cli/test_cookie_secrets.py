"""A file of cookie secrets that can't be used ends `rollcall run` before it does anything."""

from pathlib import Path

from unit.cli.conftest import Rollcall


def test_a_file_that_holds_no_secrets_is_refused_with_what_to_write(
    rollcall: Rollcall, tmp_path: Path
) -> None:
    file = tmp_path / "secrets"
    file.write_text("00112233445566778899aabbccddee\n")

    result = rollcall("run", f"--cookie-secrets={file}")

    assert result.code == 1
    assert f"cookie secrets {file}: write one secret a line, 3 at most, of 32" in result.stderr
    assert "00112233" not in result.stderr


def test_a_file_that_is_not_there_is_named(rollcall: Rollcall, tmp_path: Path) -> None:
    result = rollcall("run", f"--cookie-secrets={tmp_path / 'none'}")

    assert result.code == 1
    assert f"cookie secrets {tmp_path / 'none'} can't be read: No such file" in result.stderr
