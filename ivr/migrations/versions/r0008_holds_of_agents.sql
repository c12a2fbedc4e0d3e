-- What the citizen heard of music was counted for the call alone: it stays with the agent who answered first.
update calls set talks = jsonb_set(talks, '{0,held_ms}', to_jsonb(held_ms))
where held_ms > 0 and jsonb_array_length(talks) > 0 and not talks -> 0 ? 'held_ms';
comment on column calls.talks is
    'each agent''s part of the talk: agent, since, until, held_ms (ms); hold and consultation included; a supervisor''s from their taking over on';
