"""`prompts.yaml` -> every prompt: templates filled for each line and agent, then those with words of their own."""

import re
from collections.abc import Collection, Mapping

from routing.config.entry import Entry, named
from routing.config.errors import did_you_mean
from routing.config.fields import yes
from routing.config.nodes import Node, Source
from routing.config.site import Site
from routing.ids import PromptId
from routing.lines import Line
from routing.prompts import FIXED, HALL_NAMES, TEMPLATES, Prompt, Template, fill_all

_BRACES = re.compile(r"\{([^{}]*)\}")
_KEYS = ("text", "must_hear", "notice")


def read_prompts(source: Source, root: Node, site: Site, lines: Mapping[str, Line]) -> dict[PromptId, Prompt]:
    """Every prompt that can be said; one that stands in the file by itself wins over its template."""
    file = Entry(source, root, "prompts.yaml", ("templates", "prompts"))
    templates = _templates(file)
    own = {
        PromptId(key.text): (key, _template(entry, HALL_NAMES))
        for key, entry in named(source, file.child("prompts"), "prompt", _KEYS)
    }
    for fixed in FIXED:
        if fixed not in own:
            file.fault("prompts", f"the prompt '{fixed}' is needed")
    if templates is None:
        return {}
    names = {"city": site.short_city, "hall": site.number}
    prompts = fill_all(templates, names, lines.values(), site.agents)
    sayable = {*prompts, *FIXED}
    for prompt, (key, template) in own.items():
        if prompt not in sayable:
            source.fault(key, f"no call ever hears a prompt '{prompt}'{did_you_mean(prompt, sayable)}")
        prompts[prompt] = template.fill(prompt, names)
    return prompts


def _templates(file: Entry) -> dict[str, Template] | None:
    """The templates by name; None, with faults noted, when not all of them are there."""
    found: dict[str, Template] = {}
    node = file.child("templates")
    for key, entry in named(file.source, node, "template", _KEYS):
        if key.text in TEMPLATES:
            found[key.text] = _template(entry, TEMPLATES[key.text])
        else:
            file.source.fault(key, f"there is no template '{key.text}'{did_you_mean(key.text, TEMPLATES)}")
    missing = [name for name in TEMPLATES if name not in found]
    if missing and node is not None:
        file.fault("templates", f"templates are missing: {', '.join(missing)}")
    return None if missing else found


def _template(entry: Entry, names: Collection[str]) -> Template:
    text = entry.text("text")
    for name in _BRACES.findall(text):
        if name not in names:
            entry.fault("text", f"'{{{name}}}' cannot be filled in here{did_you_mean(name, names)}")
    if text.count("{") != len(_BRACES.findall(text)) or text.count("{") != text.count("}"):
        entry.fault("text", "a brace without its partner")
    return Template(text, entry.maybe("must_hear", yes, default=False), entry.maybe("notice", yes, default=False))
