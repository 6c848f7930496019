"""Messages of protocol buffers by hand: numbers as varints, texts by their length."""


def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def varint(field, value):
    return number(field << 3) + number(value)


def text(field, value):
    value = value.encode()
    return number(field << 3 | 2) + number(len(value)) + value


def fields(message):
    """Values by field number; of varints and texts only, each below 128 bytes."""
    found, at = {}, 0
    while at < len(message):
        key, value = message[at], message[at + 1]
        at += 2
        if key & 7 == 2:
            value, at = message[at : at + value], at + value
        found[key >> 3] = value
    return found
