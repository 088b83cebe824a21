"""Gives the simulator's objects a hash code of their own, so that equal actions give equal observations.

The simulator (scienceworld 1.2.3) keeps objects in hash sets. Its `EnvObject` says when two are equal (same
`uuid`) but not what their hash is, and Java then takes one that differs from reset to reset. With it differ
the order of things in observations, the names in the list of valid actions, which flower a bee flies to, and
now and then whether the simulator's own solution works. `with_hash_code` adds the missing method:

    public int hashCode() { return (int) uuid(); }
"""

import struct
import zipfile
from pathlib import Path

CLASS = "scienceworld/struct/EnvObject.class"

_CONSTANT_BYTES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4}
"""Size of each kind of constant without its tag (Java VM specification, 4.4); text (1) has its own."""
_WIDE = (5, 6)
"""Longs and doubles count as two constants."""


def write_patched(jar: Path, folder: Path) -> None:
    """Write the patched class of `jar` under `folder`, which is to come before the jar on the class path."""
    with zipfile.ZipFile(jar) as archive:
        original = archive.read(CLASS)
    target = folder / CLASS
    target.parent.mkdir(parents=True)
    target.write_bytes(with_hash_code(original))


def with_hash_code(original: bytes) -> bytes:
    """Return a class file with the method `hashCode` added; the class must have a method `long uuid()`.

    Layout: Java VM specification, chapter 4 (constants at byte 10; class, interfaces, fields, methods after).
    """
    constants, constants_end = _u2(original, 8), _end_of_constants(original)
    this_class = _u2(original, constants_end + 2)
    interfaces_at = constants_end + 6
    methods_at = _end_of_members(original, interfaces_at + 2 + 2 * _u2(original, interfaces_at))
    methods, methods_end = _u2(original, methods_at), _end_of_members(original, methods_at)

    name, signature, code, uuid, uuid_signature, uuid_of, uuid_method = range(constants, constants + 7)
    added_constants = b"".join(
        [
            *(b"\x01" + struct.pack(">H", len(text)) + text for text in (b"hashCode", b"()I", b"Code")),
            *(b"\x01" + struct.pack(">H", len(text)) + text for text in (b"uuid", b"()J")),
            struct.pack(">BHH", 12, uuid, uuid_signature),
            struct.pack(">BHH", 10, this_class, uuid_of),
        ]
    )
    # aload_0, invokevirtual uuid, l2i, ireturn
    instructions = struct.pack(">BBHBB", 0x2A, 0xB6, uuid_method, 0x88, 0xAC)
    body = struct.pack(">HHI", 2, 1, len(instructions)) + instructions + struct.pack(">HH", 0, 0)
    public = 1
    method = struct.pack(">HHHHHI", public, name, signature, 1, code, len(body)) + body
    return b"".join(
        [
            original[:8],
            struct.pack(">H", constants + 7),
            original[10:constants_end],
            added_constants,
            original[constants_end:methods_at],
            struct.pack(">H", methods + 1),
            original[methods_at + 2 : methods_end],
            method,
            original[methods_end:],
        ]
    )


def _end_of_constants(data: bytes) -> int:
    at, index = 10, 1
    while index < _u2(data, 8):
        tag = data[at]
        at += 3 + _u2(data, at + 1) if tag == 1 else 1 + _CONSTANT_BYTES[tag]
        index += 2 if tag in _WIDE else 1
    return at


def _end_of_members(data: bytes, at: int) -> int:
    """Return where the fields or methods end whose count is at `at`."""
    count, at = _u2(data, at), at + 2
    for _ in range(count):
        attributes, at = _u2(data, at + 6), at + 8
        for _ in range(attributes):
            at += 6 + int.from_bytes(data[at + 2 : at + 6], "big")
    return at


def _u2(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")
