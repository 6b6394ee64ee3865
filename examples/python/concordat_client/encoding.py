"""The canonical encoding (docs/encoding.md, section 1): building blocks of types.

A type has `write(value) -> bytes` and `read(reader) -> value`. Values are plain Python: int, bool, str (names, texts, and
hex for bytes), list, dict for records, None for an absent option. A choice is a dict with one key, the name of its case.
"""

import re


class EncodingError(ValueError):
    """The bytes are not the canonical encoding of a value of the type, or the value is none of it."""


class Reader:
    """Takes bytes from the front; never more than there are."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, count):
        if count > len(self.data) - self.place:
            raise EncodingError(f"{count} bytes wanted at place {self.place}, {len(self.data) - self.place} are left")
        self.place += count
        return self.data[self.place - count : self.place]

    def left(self):
        return len(self.data) - self.place


def encode(type_, value):
    return type_.write(value)


def decode(type_, data):
    """All of the bytes, and nothing that would not be encoded the same way again."""
    reader = Reader(data)
    value = type_.read(reader)
    if reader.left():
        raise EncodingError(f"{reader.left()} bytes are left over")
    if type_.write(value) != data:
        raise EncodingError("not how the value is encoded")
    return value


class Integer:
    """Little-endian, of fixed width."""

    def __init__(self, size):
        self.size = size

    def write(self, value):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 8 * self.size:
            raise EncodingError(f"{value!r} is no integer of {self.size} bytes")
        return value.to_bytes(self.size, "little")

    def read(self, reader):
        return int.from_bytes(reader.take(self.size), "little")


class Bool:
    def write(self, value):
        return b"\x01" if value else b"\x00"

    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise EncodingError(f"{byte} is neither true nor false")
        return byte == 1


class Fixed:
    """So many bytes with nothing in front: hashes, keys, signatures, ids. As a value: lower-case hex."""

    def __init__(self, size):
        self.size = size

    def write(self, value):
        data = bytes.fromhex(value)
        if len(data) != self.size or data.hex() != value:
            raise EncodingError(f"{value!r} is not {self.size} bytes of lower-case hex")
        return data

    def read(self, reader):
        return reader.take(self.size).hex()


class Uuid(Fixed):
    """As a value: with dashes (RFC 9562)."""

    def __init__(self):
        super().__init__(16)

    def write(self, value):
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
            raise EncodingError(f"{value!r} is not written as a UUID")
        return super().write(value.replace("-", ""))

    def read(self, reader):
        text = super().read(reader)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Blob:
    """Length as u32, then the bytes. As a value: lower-case hex."""

    def write(self, value):
        data = bytes.fromhex(value)
        return U32.write(len(data)) + data

    def read(self, reader):
        return reader.take(U32.read(reader)).hex()


class Text:
    """Length as u32, then UTF-8."""

    def write(self, value):
        data = value.encode()
        return U32.write(len(data)) + data

    def read(self, reader):
        try:
            return reader.take(U32.read(reader)).decode()
        except UnicodeDecodeError as error:
            raise EncodingError("not UTF-8") from error


class Name:
    """Length as one byte, then ASCII of certain characters."""

    def __init__(self, pattern):
        self.pattern = re.compile(pattern)

    def write(self, value):
        if not self.pattern.fullmatch(value):
            raise EncodingError(f"{value!r} is not a name of its kind")
        return bytes([len(value)]) + value.encode("ascii")

    def read(self, reader):
        data = reader.take(reader.take(1)[0])
        if not data.isascii() or not self.pattern.fullmatch(data.decode("ascii")):
            raise EncodingError(f"{data!r} is not a name of its kind")
        return data.decode("ascii")


class List:
    """Number of elements as u32, then the elements."""

    def __init__(self, element):
        self.element = element

    def write(self, value):
        return U32.write(len(value)) + b"".join(map(self.element.write, value))

    def read(self, reader):
        # Every element takes at least a byte: a list never grows beyond its input.
        count = U32.read(reader)
        if count > reader.left():
            raise EncodingError(f"{count} elements in {reader.left()} bytes")
        return [self.element.read(reader) for _ in range(count)]


class Option:
    """00, or 01 and the value."""

    def __init__(self, inner):
        self.inner = inner

    def write(self, value):
        return b"\x00" if value is None else b"\x01" + self.inner.write(value)

    def read(self, reader):
        return self.inner.read(reader) if BOOL.read(reader) else None


class Record:
    """The fields in order, nothing between."""

    def __init__(self, **fields):
        self.fields = fields

    def write(self, value):
        if value.keys() != self.fields.keys():
            raise EncodingError(f"fields {sorted(value)}, expected {sorted(self.fields)}")
        return b"".join(type_.write(value[name]) for name, type_ in self.fields.items())

    def read(self, reader):
        return {name: type_.read(reader) for name, type_ in self.fields.items()}


class Tuple:
    """A record whose fields have no names. As a value: a list."""

    def __init__(self, *types):
        self.types = types

    def write(self, value):
        if len(value) != len(self.types):
            raise EncodingError(f"{len(value)} values, expected {len(self.types)}")
        return b"".join(type_.write(part) for type_, part in zip(self.types, value))

    def read(self, reader):
        return [type_.read(reader) for type_ in self.types]


class Choice:
    """One byte, the number of the case, then its content. As a value: {case: content}; a case without content is {case: {}}."""

    def __init__(self, **cases):
        self.numbers = {name: number for name, (number, _) in cases.items()}
        self.cases = {number: (name, type_) for name, (number, type_) in cases.items()}

    def write(self, value):
        (name, content), = value.items()
        if name not in self.numbers:
            raise EncodingError(f"there is no case {name!r}")
        number = self.numbers[name]
        return bytes([number]) + self.cases[number][1].write(content)

    def read(self, reader):
        number = reader.take(1)[0]
        if number not in self.cases:
            raise EncodingError(f"there is no case of number {number}")
        name, type_ = self.cases[number]
        return {name: type_.read(reader)}


class Enum:
    """A choice without content: one byte. As a value: its name."""

    def __init__(self, **names):
        self.names, self.numbers = {number: name for name, number in names.items()}, names

    def write(self, value):
        if value not in self.numbers:
            raise EncodingError(f"there is no case {value!r}")
        return bytes([self.numbers[value]])

    def read(self, reader):
        number = reader.take(1)[0]
        if number not in self.names:
            raise EncodingError(f"there is no case of number {number}")
        return self.names[number]


U8, U16, U32, U64, U128 = (Integer(size) for size in (1, 2, 4, 8, 16))
BOOL, BLOB, TEXT, UUID, HASH = Bool(), Blob(), Text(), Uuid(), Fixed(32)
EMPTY = Record()
