alter table calls
    add column asked_pool text,
    add column skill text,
    add column overflowed text[] not null default '{}',
    add column rating integer;

create table agent_times (
    node text not null,
    seq bigint not null,
    n integer not null,
    agent text not null,
    state text not null,
    reason text not null,
    call text,
    since timestamptz not null,
    until timestamptz,
    primary key (node, seq, n),
    foreign key (node, seq) references facts (node, seq)
);
comment on table agent_times is 'an agent''s one clock: from since to until in one state; until null: still; call: whose event it was';
create index agent_times_of_agent on agent_times (node, agent, since);
create index agent_times_open on agent_times (node, agent) where until is null;
create index agent_times_since on agent_times (since);
create index agent_times_of_call on agent_times (call) where state = 'wrap-up';

create index facts_arrived on facts (to_timestamp(((body -> 'outcome' ->> 'at')::bigint) / 1000.0::double precision))
where topic = 'call' and body ->> 'step' = 'arrived';

create view offered as
select
    call, line, asked_pool as pool, skill, agent, arrived,
    case outcome when 'abandoned' then 'abandoned_' || coalesce(stage, 'arrival') else replace(outcome, '-', '_') end as fate,
    queued is not null as is_queued,
    connected is not null as is_connected,
    pool <> asked_pool or overflowed <> '{}' as is_overflowed,
    greatest(0, 1000 * extract(epoch from connected_or_left - arrived))::bigint as since_arrival_ms,
    greatest(0, 1000 * extract(epoch from connected_or_left - answered))::bigint as since_answer_ms,
    greatest(0, 1000 * extract(epoch from connected_or_left - prompts_ended))::bigint as since_prompt_end_ms,
    greatest(0, 1000 * extract(epoch from connected_or_left - queued))::bigint as since_queue_ms,
    (1000 * extract(epoch from coalesce(released, ended) - connected))::bigint as talk_ms,
    (
        select (1000 * extract(epoch from sum(until - since)))::bigint from agent_times
        where agent_times.call = calls.call and state = 'wrap-up'
    ) as wrap_up_ms,
    rating
from calls cross join lateral (select coalesce(connected, released, ended)) as reached (connected_or_left)
union all
select
    key, coalesce(routed.body -> 'outcome' ->> 'line', began.body -> 'outcome' -> 'arrival' ->> 'number'), null, null, null,
    to_timestamp(((began.body -> 'outcome' ->> 'at')::bigint) / 1000.0::double precision),
    'in_progress', exists (
        select from facts as queued where queued.key = began.key and topic = 'call' and starts_with(body ->> 'step', 'queued')
    ), false, false, null, null, null, null, null, null, null
from facts as began
left join lateral (
    select body from facts where facts.key = began.key and topic = 'call' and body ->> 'step' = 'routed'
    order by seq desc limit 1
) as routed on true
where topic = 'call' and began.body ->> 'step' = 'arrived'
    and not exists (select from calls where calls.call = began.key)
    and not exists (
        select from facts as earlier
        where earlier.key = began.key and earlier.topic = 'call' and earlier.body ->> 'step' = 'arrived'
            and earlier.seq < began.seq
    );
comment on view offered is
    'every call that reached us, once: what became of it (fate); its waits by each clock, 0 where that never began';
