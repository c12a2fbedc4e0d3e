"""`prompts.yaml` -> every prompt: templates filled for each line and agent, then those with words of their own."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from routing.config.entry import Entry, named
from routing.config.errors import did_you_mean
from routing.config.fields import YES, yes
from routing.config.nodes import Node, Scalar, Source
from routing.config.site import Site, TargetKind, Timing
from routing.ids import PromptId
from routing.lines import Line
from routing.numbers import EMERGENCY
from routing.prompts import (
    ENDINGS,
    FIXED,
    HALL_NAMES,
    LANGUAGES,
    NOTICES,
    OPENINGS,
    TEMPLATES,
    Prompt,
    Template,
    estimated_ms,
    family,
    fill_all,
)

LONGEST_GREETING = timedelta(seconds=5)
"""The greeting counts for the caller, whose call must be answered by a person within 15 s."""

_BRACES = re.compile(r"\{([^{}]*)\}")
RECORDED = "录音"
"""The word of the notice, in whatever sentence it stands."""

PROMPT_KEYS = ("text", "also", "must_hear", "notice")


def read_prompts(
    source: Source, root: Node, site: Site, lines: Mapping[str, Line], lengths: Mapping[PromptId, int]
) -> dict[PromptId, Prompt]:
    """Every prompt that can be said; one that stands in the file by itself wins over its template.

    `lengths` in ms are those of sounds that exist; prompts that lack one are estimated.
    """
    file = Entry(source, root, "prompts.yaml", ("templates", "prompts"))
    templates = _templates(file)
    own = _own(file)
    if templates is None:
        return {}
    names = {"city": site.short_city, "hall": site.number}
    prompts: dict[PromptId, Prompt] = {}
    places: dict[PromptId, Scalar] = {}
    texts = {name: template for name, (_, template) in templates.items()}
    for name, prompt in fill_all(texts, names, lines.values(), site.agents.values(), _desks(site)):
        prompts[prompt.id], places[prompt.id] = prompt, templates[name][0]
    sayable = {*prompts, *FIXED}
    for id_, (key, template) in own.items():
        if id_ not in sayable:
            source.fault(key, f"no call ever hears a prompt '{id_}'{did_you_mean(id_, sayable)}")
        prompts[id_], places[id_] = template.fill(id_, names), key
    _warn_of_long(source, site.timing, prompts, places, lengths)
    return prompts


def _desks(site: Site) -> list[str]:
    """Numbers of the emergency desks that can be dialled."""
    dialled = [site.dialled(target) for target in site.targets.values() if target.kind is TargetKind.EMERGENCY]
    return [number for number in EMERGENCY if number in dialled]


def _own(file: Entry) -> dict[PromptId, tuple[Scalar, Template]]:
    found: dict[PromptId, tuple[Scalar, Template]] = {}
    for key, entry in named(file.source, file.child("prompts"), "prompt", PROMPT_KEYS):
        if family(PromptId(key.text)) in OPENINGS or key.text in NOTICES:
            _gives_notice(entry)
        found[PromptId(key.text)] = key, _template(entry, HALL_NAMES)
    for fixed in FIXED:
        if fixed not in found:
            file.fault("prompts", f"the prompt '{fixed}' is needed")
    return found


def _templates(file: Entry) -> dict[str, tuple[Scalar, Template]] | None:
    """The templates by name; None, with faults noted, when not all of them are there."""
    found: dict[str, tuple[Scalar, Template]] = {}
    node = file.child("templates")
    for key, entry in named(file.source, node, "template", PROMPT_KEYS):
        if key.text not in TEMPLATES:
            file.source.fault(key, f"there is no template '{key.text}'{did_you_mean(key.text, TEMPLATES)}")
            continue
        if key.text.partition("-")[0] in OPENINGS and key.text not in ENDINGS:
            _gives_notice(entry)
        found[key.text] = key, _template(entry, TEMPLATES[key.text])
    missing = [name for name in TEMPLATES if name not in found]
    if missing and node is not None:
        file.fault("templates", f"templates are missing: {', '.join(missing)}")
    return None if missing else found


def _gives_notice(entry: Entry) -> None:
    """A recorded conversation begins with a notice of that, heard whole."""
    for key in ("notice", "must_hear"):
        if entry.peek(key) not in YES:
            entry.fault("text", f"a recorded call begins with this: it must say so, and needs '{key}: yes'")


def _template(entry: Entry, names: Collection[str]) -> Template:
    also = Entry(entry.source, entry.place("also"), "'also'", LANGUAGES) if entry.has("also") else None
    others = tuple(_text(also, language, names) for language in LANGUAGES if also.has(language)) if also else ()
    text, notice = _text(entry, "text", names), entry.maybe("notice", yes, default=False)
    if notice and text and RECORDED not in text:
        entry.fault("text", f"'notice: yes', and it does not say that the call is recorded ({RECORDED})")
    return Template(text, entry.maybe("must_hear", yes, default=False), notice, others)


def _text(entry: Entry, key: str, names: Collection[str]) -> str:
    text = entry.text(key)
    braces = _BRACES.findall(text)
    for name in braces:
        if name not in names:
            entry.fault(key, f"'{{{name}}}' cannot be filled in here{did_you_mean(name, names)}")
    if not len(braces) == text.count("{") == text.count("}"):
        entry.fault(key, "a brace without its partner")
    return text


def _warn_of_long(
    source: Source,
    timing: Timing,
    prompts: Mapping[PromptId, Prompt],
    places: Mapping[PromptId, Scalar],
    lengths: Mapping[PromptId, int],
) -> None:
    """What takes too long to say, once for each place in the file, by its longest prompt."""
    longest: dict[tuple[int, int], tuple[int, PromptId]] = {}
    for id_, prompt in prompts.items():
        known = [lengths.get(sound, 0) for sound in prompt.sounds] if lengths else [0]
        ms = sum(known) if all(known) else estimated_ms(prompt)
        place = places[id_].line, places[id_].col
        longest[place] = max(longest.get(place, (ms, id_)), (ms, id_))
    for place, (ms, id_) in longest.items():
        length = timedelta(milliseconds=ms)
        for why in _too_long(timing, family(id_), length):
            source.warn(place, f"'{id_}' takes about {length.total_seconds():.1f} s: {why}")


def _too_long(timing: Timing, kind: str, length: timedelta) -> list[str]:
    why: list[str] = []
    if kind == "greeting" and length > LONGEST_GREETING:
        why.append(f"a greeting should take {LONGEST_GREETING.seconds} s at most")
    if kind in {"whisper", "agent"} and length > timing.whisper_for:
        why.append(f"citizen and agent wait for it, {timing.whisper_for.total_seconds():g} s at most")
    person = max(length, length - timing.ring_lead + timing.ring_for)
    if kind in OPENINGS and person > timing.answer_within:
        why.append(
            f"with an agent's phone ringing for {timing.ring_for.total_seconds():g} s, a person may come too late"
        )
    return why
