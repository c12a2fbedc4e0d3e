"""Five hundred damaged files: each gives a config, or faults with places; never a traceback."""

import random

import pytest

from routing.config import ConfigFaults, build, check, nodes
from tests.routing.sources import changed, ours

STRANGE = (
    *(
        "\t",
        ":",
        "{",
        "}",
        "[",
        "]",
        "&x ",
        "*x",
        "!!int ",
        "<<: ",
        "---\n",
        "...\n",
        "- ",
        "'",
        '"',
        "|",
        "%",
        "@",
        "`",
    ),
    *(
        "#",
        "~",
        "null",
        "yes",
        "0",
        "-1",
        "1e309",
        "99999999999999999999",
        "二",
        "😀",
        "? ",
        ", ",
        "  ",
        "\n\n",
        "a: 1\n",
    ),
    *("\x00", "\ud800", "\u2028", "\ufeff", "\r", "\x85", "{{{", "+86", "110", "{agent}"),
)


def damaged(seed: int) -> dict[str, str]:
    """The repository's files with one to five things done to one of them."""
    chance = random.Random(seed)
    sources = dict(ours())
    name = chance.choice(sorted(sources))
    text = sources[name]
    for _ in range(chance.randint(1, 5)):
        start = chance.randrange(len(text))
        end = min(len(text), start + chance.choice([0, 0, 1, 2, 5, 40, 400]))
        match chance.randrange(5):
            case 0:
                text = text[:start] + chance.choice(STRANGE) + text[end:]
            case 1:
                text = text[:start] + text[end:]
            case 2:
                text = text[:end] + text[start:end] + text[end:]
            case 3:
                lines = text.splitlines(keepends=True)
                chance.shuffle(lines[: chance.randint(2, 30)])
                first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[first], lines[second] = lines[second], lines[first]
                text = "".join(lines)
            case _:
                line = chance.choice(text.splitlines() or [""])
                text = text.replace(line, " " * chance.randint(0, 3) + line.strip(), 1)
        text = text or "x"
    return {**sources, name: text}


def test_a_word_that_would_break_the_line_is_told_on_one() -> None:
    sources = changed("site.yaml", "kind: centre ", "kind: cen\u2028tre ")
    assert len(str(check(sources)[0]).splitlines()) == 3


@pytest.mark.parametrize("block", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 50))])
def test_a_damaged_file_gives_a_clear_answer(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        sources = damaged(seed)
        faults = check(sources)
        if all(fault.is_warning for fault in faults):
            assert build(sources).lines
            continue
        with pytest.raises(ConfigFaults) as caught:
            build(sources)
        assert caught.value.faults == faults, f"seed {seed}"
        for fault in faults:
            lines = nodes.BREAK.split(sources[fault.file])
            assert 1 <= fault.line <= len(lines), f"seed {seed}: {fault}"
            assert 1 <= fault.col <= len(lines[fault.line - 1]) + 1, f"seed {seed}: {fault}"
            assert fault.message.strip()
            assert len(str(fault).splitlines()) == 3, f"seed {seed}: {fault}"
