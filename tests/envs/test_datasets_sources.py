"""Archives are untrusted: what plays tricks is refused in one sentence, and nothing leaves its folder."""

import gzip
import io
import os
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.errors import BadData, EnvsError, MissingData
from envs.official import sources
from envs.official.importing import import_data
from envs.official.sources import copy, entries

LABEL = (
    b'{"id": 0, "task": "scienceworld", "goal": "Boil water.", "subgoals": ["water"], "difficulty": "easy", '
    b'"additional_info": {"env_name": "boil", "var": 0}}\n'
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "data"
    monkeypatch.setenv("ARENA_DATA", str(root))
    return root


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content) or member.size
            archive.addfile(member, io.BytesIO(content) if content else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(root: Path, source: Path, words: str) -> EnvsError:
    """Import, and see that it fails in one sentence and leaves nothing behind."""
    with pytest.raises(EnvsError, match=words) as caught:
        import_data("scienceworld", source)
    assert str(source) in caught.value.message
    assert [path.name for path in root.rglob("*")] == [".import-lock"]
    return caught.value


@pytest.mark.parametrize(
    "path", ["../test.jsonl", "/tmp/test.jsonl", "a/../../test.jsonl", "C:test.jsonl", "a\\test.jsonl"]
)
@pytest.mark.parametrize("make", [tar, zipped])
def test_an_archive_with_a_path_out_of_its_folder_is_refused(
    root: Path, tmp_path: Path, path: str, make: Callable[..., Path]
) -> None:
    ending = "tar.gz" if make is tar else "zip"
    entry = (member(path), LABEL) if make is tar else (path, LABEL)
    refused(root, make(tmp_path / f"slip.{ending}", entry), "lead out of its folder")
    assert not (tmp_path / "test.jsonl").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_a_tar_with_a_link_or_a_device_is_refused(root: Path, tmp_path: Path, kind: bytes) -> None:
    trick = member("scienceworld/test.jsonl", kind, "/etc/passwd")
    refused(root, tar(tmp_path / "links.tar.gz", (trick, b"")), "link or a device")


def test_a_zip_with_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("scienceworld/test.jsonl")
    link.external_attr = 0o120777 << 16
    refused(root, zipped(tmp_path / "links.zip", (link, b"/etc/passwd")), "link or a device")


def test_a_zip_that_unpacks_to_more_than_any_data_set_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_UNPACKED_BYTES", 10**6)
    bomb = zipped(tmp_path / "bomb.zip", *((f"{n}.txt", bytes(300_000)) for n in range(4)))
    refused(root, bomb, "unpack to more than")


def test_a_tar_that_unpacks_to_more_than_any_data_set_is_refused_before_it_is_unpacked(
    root: Path, tmp_path: Path
) -> None:
    huge = member("zeros.txt")
    huge.size = 2**40
    refused(root, tar(tmp_path / "bomb.tar.gz", (huge, b"")), "unpack to more than")


def test_a_file_that_is_larger_than_its_header_says_is_cut_off(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envs.official.importing.MAX_FILE_BYTES", 1000)
    refused(root, zipped(tmp_path / "bomb.zip", ("test.jsonl", bytes(5000))), "larger than 1,000 bytes")


def test_a_zip_that_understates_its_sizes_is_one_error(root: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "lies.zip", ("test.jsonl", LABEL * 500))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", len(LABEL) * 500), struct.pack("<L", 10)))
    refused(root, path, "broken|JSON")


def test_an_archive_of_too_many_files_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_ENTRIES", 10)
    names = [f"{n}.txt" for n in range(11)]
    refused(root, zipped(tmp_path / "many.zip", *((name, b"x") for name in names)), "more than 10 files")
    refused(
        root, tar(tmp_path / "many.tar.gz", *((member(name), b"x") for name in names)), "more than 10 files"
    )


def test_a_tar_header_that_claims_gigabytes_is_refused(root: Path, tmp_path: Path) -> None:
    header = member("pax", tarfile.XHDTYPE)
    header.size = 2**32
    path = tmp_path / "header.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)))
    refused(root, path, "header of")


def broken_crc(content: bytes) -> bytes:
    at = content.index(b"test.jsonl") + len(b"test.jsonl") + 5
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:-30], lambda content: b"no zip at all", broken_crc]
)
def test_a_broken_zip_is_one_error(root: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = zipped(tmp_path / "broken.zip", ("test.jsonl", LABEL * 50))
    path.write_bytes(spoil(path.read_bytes()))
    refused(root, path, "broken")


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:-30], lambda content: b"no gzip at all", gzip.compress]
)
def test_a_broken_tar_is_one_error(root: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tar(tmp_path / "broken.tar.gz", (member("test.jsonl"), os.urandom(20_000)))
    path.write_bytes(spoil(path.read_bytes()))
    refused(root, path, "broken")


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar"])
def test_an_archive_with_any_bytes_flipped_is_read_or_refused(tmp_path: Path, ending: str) -> None:
    whole = tmp_path / f"whole.{ending}"
    if ending == "zip":
        zipped(whole, ("a/readme", b"x" * 100), ("a/test.jsonl", LABEL * 3))
    else:
        tar(whole, (member("a/readme"), b"x" * 100), (member("a/test.jsonl"), LABEL * 3))
        if ending == "tar":
            whole.write_bytes(gzip.decompress(whole.read_bytes()))
    draw, flipped, refusals = random.Random(3), tmp_path / f"flipped.{ending}", 0
    for number in range(400):
        content = bytearray(whole.read_bytes())
        for _ in range(draw.choice((1, 1, 2, 5))):
            content[draw.randrange(len(content))] = draw.choice((0, 255, draw.randrange(256)))
        flipped.write_bytes(content)
        try:
            for place, entry in enumerate(entries(flipped)):
                copy(entry, tmp_path / f"{number}-{place}", 10_000)
        except BadData as refusal:
            refusals += 1
            assert len(refusal.message) < 500
    assert 0 < refusals < 400


def test_an_encrypted_zip_is_one_error(root: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "locked.zip", ("test.jsonl", LABEL))
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the file's header and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(root, path, "broken.*encrypted")


def test_a_pickle_is_never_read(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "graph.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    refused(root, path, "pickle")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "test.jsonl").write_bytes(path.read_bytes())
    with pytest.raises(BadData, match=r"test\.jsonl:1 is not JSON"):
        import_data("scienceworld", tmp_path / "in")
    assert not Path("owned").exists()


def test_a_link_in_a_folder_may_not_lead_out_of_it(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jsonl").write_bytes(LABEL)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "test.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    refused(root, folder, "leads out of")


def test_a_link_inside_a_folder_is_followed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / "abc").write_bytes(LABEL)
    (folder / "test.jsonl").symlink_to("blobs/abc")
    assert import_data("scienceworld", folder).tasks == 1


def test_hidden_files_and_macos_litter_are_left_out(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "mac.zip",
        ("data/test.jsonl", LABEL),
        ("__MACOSX/data/test.jsonl", b"x"),
        ("data/._test.jsonl", b"x"),
        ("data/.ipynb_checkpoints/test.jsonl", b"x"),
    )
    assert [entry.path for entry in entries(path)] == ["data/test.jsonl"]


def test_what_is_not_there_is_said(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="there is no"):
        import_data("scienceworld", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingData, match=r"holds none of the scienceworld files"):
        import_data("scienceworld", tmp_path / "empty")


def test_a_name_with_terminal_escapes_is_no_data_file(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "in" / "gripper"
    path.mkdir(parents=True)
    (path / "\x1b]0;owned\x07.pddl").write_text("(define (problem p))")
    with pytest.raises(BadData, match="no name for a data file") as caught:
        import_data("pddl", tmp_path / "in")
    assert "\x1b" not in caught.value.message
