-- The store's queries, each under its name.  Moments arrive as milliseconds; the database's own clock is never asked.

-- name: mark
select seq from mark where node = $1;

-- name: lock_mark
-- The mark, ours until the end of the transaction; begun at 0.
insert into mark (node, seq) values ($1, 0) on conflict (node) do update set seq = mark.seq returning seq;

-- name: begun
select (extract(epoch from min(at)) * 1000)::bigint from facts where node = $1 and key = $2;

-- name: move_mark
update mark set seq = $2 where node = $1;

-- name: insert_facts
insert into facts (node, seq, at, topic, key, body)
select $1, new.seq, to_timestamp(new.at / 1000.0), new.topic, new.key, new.body
from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[]) as new (seq, at, topic, key, body);

-- name: insert_calls
-- The last record of a call stands; a record of ours beats the census, which was looking from outside.
insert into calls
select
    r.call, r.node, r.seq, r.outcome, r.stage, coalesce(r.cause, 0),
    coalesce(r.line, ''), coalesce(r.phase, ''), r.marked,
    coalesce(r.dialled, ''), coalesce(r.caller, ''), coalesce(r.trunk, ''), r.diverted_from,
    to_timestamp(r.arrived / 1000.0), to_timestamp(r.answered / 1000.0), to_timestamp(r.prompts_ended / 1000.0),
    to_timestamp(r.queued / 1000.0), to_timestamp(r.rang / 1000.0), to_timestamp(r.connected / 1000.0),
    to_timestamp(r.released / 1000.0), to_timestamp(r.ended / 1000.0),
    r.agent, r.seat, r.pool, r.target, coalesce(r.offers, 0),
    r.wait_ms, r.since_answer_ms, r.since_prompt_end_ms, r.talk_ms,
    coalesce(r.recording, ''), coalesce(r.rehearsal, ''), r.asked_pool, r.skill,
    coalesce(r.overflowed, '{}'), r.rating, coalesce(r.held_ms, 0), coalesce(r.direction, 'in'), r.task, r.result,
    told.talks, (
        select coalesce(sum(until - since), 0) from jsonb_to_recordset(told.talks) as t (since bigint, until bigint)
    )
from (
    select distinct on (call) *
    from (
        select f.seq, f.topic, t.*
        from facts as f, jsonb_to_record(f.body) as t (
            call text, node text, outcome text, stage text, cause integer, line text, phase text, marked text,
            dialled text, caller text, trunk text, diverted_from text, arrived bigint, answered bigint,
            prompts_ended bigint, queued bigint, rang bigint, connected bigint, released bigint, ended bigint,
            agent text, seat text, pool text, target text, offers integer, wait_ms bigint, since_answer_ms bigint,
            since_prompt_end_ms bigint, talk_ms bigint, recording text, rehearsal text, asked_pool text, skill text,
            overflowed text[], rating integer, held_ms bigint, direction text, task text, result text, talks jsonb
        )
        where f.node = $1 and f.seq = any ($2::bigint[])
    ) as every
    order by call, (topic = 'record') desc, seq desc
) as r cross join lateral (
    select case
        when r.talks is not null then r.talks
        when r.agent is null or r.connected is null then '[]'
        else jsonb_build_array(
            jsonb_build_object(
                'agent', r.agent, 'since', r.connected, 'until', coalesce(r.released, r.ended),
                'held_ms', coalesce(r.held_ms, 0)
            )
        )
    end
) as told (talks)  -- a record of an older version says it of one agent only
on conflict (call) do update set
    node = excluded.node, seq = excluded.seq, outcome = excluded.outcome, stage = excluded.stage, cause = excluded.cause,
    line = excluded.line, phase = excluded.phase, marked = excluded.marked, dialled = excluded.dialled,
    caller = excluded.caller, trunk = excluded.trunk, diverted_from = excluded.diverted_from,
    arrived = excluded.arrived, answered = excluded.answered, prompts_ended = excluded.prompts_ended,
    queued = excluded.queued, rang = excluded.rang, connected = excluded.connected, released = excluded.released,
    ended = excluded.ended, agent = excluded.agent, seat = excluded.seat, pool = excluded.pool,
    target = excluded.target, offers = excluded.offers, wait_ms = excluded.wait_ms,
    since_answer_ms = excluded.since_answer_ms, since_prompt_end_ms = excluded.since_prompt_end_ms,
    talk_ms = excluded.talk_ms, rehearsal = excluded.rehearsal, asked_pool = excluded.asked_pool, skill = excluded.skill,
    overflowed = excluded.overflowed, rating = excluded.rating, held_ms = excluded.held_ms,
    direction = excluded.direction, task = excluded.task, result = excluded.result,
    talks = excluded.talks, agents_ms = excluded.agents_ms
where (select topic from facts where facts.node = excluded.node and facts.seq = excluded.seq) = 'record';

-- name: change_agents
-- The states that the Floor's entries put agents into; each lasts until the agent's next.
-- The ticket of whoever is brought into a talk is the call's id and more.
with changes as (
    select
        f.node, f.seq, c.n::integer as n, c.body ->> 'agent' as agent, c.body ->> 'state' as state,
        coalesce(c.body ->> 'reason', '') as reason,
        split_part(f.body -> 'event' ->> 'ticket', '-talk-', 1) as call,
        to_timestamp((f.body ->> 'at')::bigint / 1000.0) as since
    from facts as f cross join jsonb_array_elements(f.body -> 'changed') with ordinality as c (body, n)
    where f.node = $1 and f.seq = any ($2::bigint[])
), ended as (
    update agent_times set until = first.since
    from (select distinct on (agent) agent, since from changes order by agent, seq, n) as first
    where agent_times.node = $1 and agent_times.agent = first.agent and until is null
)
insert into agent_times (node, seq, n, agent, state, reason, call, since, until)
select node, seq, n, agent, state, reason, call, since, lead(since) over (partition by agent order by seq, n)
from changes;

-- name: name_recordings
update calls set recording = facts.body ->> 'file'
from facts
where facts.node = $1 and facts.seq = any ($2::bigint[]) and calls.call = facts.key;

-- name: records
-- Every record, with what became known of it later.
select
    facts.body
    || jsonb_build_object('recording', calls.recording, 'lacks_ms', coalesce(sound.lacks, '0'))
    || coalesce(known.later, '{}') as body
from calls join facts using (node, seq) left join lateral (
    select told.body as later from facts as told
    where told.key = calls.call and told.topic = 'survived'
    order by told.seq desc limit 1
) as known on calls.outcome = 'survival' left join lateral (
    select told.body -> 'lacks_ms' as lacks from facts as told
    where told.key = calls.call and told.topic = 'recording'
    order by told.seq desc limit 1
) as sound on calls.recording <> ''

-- name: calls
-- The latest calls, newest first.
-- include: records
order by calls.arrived desc, calls.call
limit $1;

-- name: call
-- include: records
where calls.call = $1;

-- name: facts_of
-- What happened in one call, in order.
select seq, (extract(epoch from at) * 1000)::bigint as at, topic, key, body from facts where key = $1 order by node, seq;
