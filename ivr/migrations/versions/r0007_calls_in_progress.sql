-- What is still in progress is found before it is asked what it was routed as: of a year's calls nearly none is.
create or replace view offered as
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
    rating, held_ms, estimates.told as ewt_told, estimates.by_departures as ewt_by_departures_ms,
    estimates.by_last as ewt_by_last_ms, talks, agents_ms
from calls
cross join lateral (select coalesce(connected, released, ended)) as reached (connected_or_left)
left join lateral (
    select count(wait.by_departures) as told, sum(abs(wait.by_departures - wait.was))::bigint as by_departures,
        sum(abs(wait.by_last - wait.was))::bigint as by_last
    from facts cross join lateral (
        select
            (body -> 'outcome' -> 'estimate' ->> 'by_departures_ms')::bigint as by_departures,
            (body -> 'outcome' -> 'estimate' ->> 'by_last_ms')::bigint as by_last,
            1000 * extract(epoch from connected) - (body -> 'outcome' ->> 'at')::bigint as was
    ) as wait
    where facts.key = calls.call and topic = 'call' and starts_with(body ->> 'step', 'announced:')
) as estimates on outcome = 'answered'
where direction = 'in'
union all
select
    key, coalesce((
        select body -> 'outcome' ->> 'line' from facts as routed
        where routed.key = began.key and topic = 'call' and body ->> 'step' = 'routed'
        order by seq desc limit 1
    ), began.body -> 'outcome' -> 'arrival' ->> 'number'), null, null, null,
    to_timestamp(((began.body -> 'outcome' ->> 'at')::bigint) / 1000.0::double precision),
    'in_progress', exists (
        select from facts as queued where queued.key = began.key and topic = 'call' and starts_with(body ->> 'step', 'queued')
    ), false, false, null, null, null, null, null, null, null, null, null, null, null, null, null
from facts as began
where topic = 'call' and began.body ->> 'step' = 'arrived'
    and coalesce(began.body -> 'outcome' ->> 'direction', 'in') = 'in'
    and not exists (select from calls where calls.call = began.key)
    and not exists (
        select from facts as earlier
        where earlier.key = began.key and earlier.topic = 'call' and earlier.body ->> 'step' = 'arrived'
            and earlier.seq < began.seq
    );
