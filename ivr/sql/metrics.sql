-- The figures, each under its name in docs/metrics.md.  Moments come from outside; windows are half-open.
-- What is counted call by call, and added up, stands here once: of a day that is over it is kept, see keep_calls.

-- name: count_calls
-- What came of the calls that arrived in the gaps, told apart by each of $4: '', or one of `ivr.web.reports.By`, where
-- 'agent' is who answered, but each agent's talk, hold and wrap-up are their own.  A row each that belongs to the same `since`,
-- one of $1, by and key.  $5, $6: milliseconds of "in time", and of a short abandon.
-- The columns are those of the table kept_calls, in their order, but its last.
with calls_in as materialized (
    -- The offset lets the planner bring each gap's limits to the indexes: it reads no other calls.
    select arrived_in.* from gaps cross join lateral (
        select * from offered where arrived >= gaps.since and arrived < gaps.until offset 0
    ) as arrived_in
), told_apart as (
    select
        by, coalesce(
            case by
                when 'line' then line when 'pool' then pool when 'skill' then skill when 'agent' then agent
                when 'disposition' then (
                    select concat_ws('/', body ->> 'matter', body ->> 'ground') from facts
                    where facts.key = calls_in.call and topic = 'disposition'
                    order by seq desc limit 1
                )
            end,
            ''
        ) as key,
        case fate when 'survival' then (
            select body ->> 'reached' from facts
            where facts.key = calls_in.call and topic in ('record', 'missed', 'survived') and body ->> 'reached' is not null
            order by seq desc limit 1
        ) end as reached,
        arrived, fate, fate = 'answered' and by <> 'agent' as is_handled, starts_with(fate, 'abandoned') as is_abandoned,
        is_queued, is_connected, is_overflowed, since_arrival_ms, since_answer_ms, since_prompt_end_ms, since_queue_ms,
        rating, held_ms, ewt_told, ewt_by_departures_ms, ewt_by_last_ms, talk_ms, agents_ms, wrap_up_ms
    from calls_in cross join unnest($4::text[]) as by
    union all
    select
        'agent', own.agent, null, arrived, 'shared', true, false, false, false, false,
        null, null, null, null, null, own.held_ms, null, null, null, own.talk_ms, own.talk_ms, (
            select coalesce((1000 * extract(epoch from sum(until - since)))::bigint, 0) from agent_times
            where agent_times.call = calls_in.call and agent_times.agent = own.agent and state = 'wrap-up'
        )
    from calls_in cross join lateral (
        select agent, sum(until - since)::bigint as talk_ms, sum(coalesce(talk.held_ms, 0))::bigint as held_ms
        from jsonb_to_recordset(talks) as talk (agent text, since bigint, until bigint, held_ms bigint)
        group by agent
    ) as own
    where fate = 'answered' and 'agent' = any ($4::text[])
)
select
    ($1::timestamptz[])[width_bucket(arrived, $1::timestamptz[])] as since, by, key,
    count(*) filter (where fate <> 'shared') as offered,
    count(*) filter (where fate = 'answered') as answered,
    count(*) filter (where fate = 'abandoned_arrival') as abandoned_arrival,
    count(*) filter (where fate = 'abandoned_greeting') as abandoned_greeting,
    count(*) filter (where fate = 'abandoned_queue') as abandoned_queue,
    count(*) filter (where fate = 'abandoned_ring') as abandoned_ring,
    count(*) filter (where fate = 'abandoned_transfer') as abandoned_transfer,
    count(*) filter (where fate = 'missed') as missed,
    count(*) filter (where fate = 'refused') as refused,
    count(*) filter (where fate = 'called_back') as called_back,
    count(*) filter (where fate = 'transferred') as transferred,
    count(*) filter (where fate = 'announced') as announced,
    count(*) filter (where fate = 'survival') as survival,
    count(*) filter (where reached = 'person') as survival_person,
    count(*) filter (where reached = 'told') as survival_told,
    count(*) filter (where reached = 'nobody') as survival_nobody,
    count(*) filter (where fate = 'failed') as failed,
    count(*) filter (where fate = 'in_progress') as in_progress,
    count(*) filter (where is_abandoned) as abandoned,
    count(*) filter (where is_queued) as agent_requests,
    count(*) filter (where is_queued and is_abandoned) as agent_requests_abandoned,
    count(*) filter (where is_connected) as connected,
    count(*) filter (where is_overflowed) as overflowed,
    count(*) filter (where is_abandoned and since_arrival_ms < $6) as short_abandoned,
    count(*) filter (where is_queued and is_abandoned and since_arrival_ms < $6) as agent_requests_short_abandoned,
    count(rating) as rated,
    count(*) filter (where rating <= 3) as satisfied,
    count(*) filter (where fate = 'answered' and since_answer_ms <= $5) as in_time_since_answer,
    count(*) filter (where fate = 'answered' and since_prompt_end_ms <= $5) as in_time_since_prompt_end,
    count(*) filter (where fate = 'answered' and since_queue_ms <= $5) as in_time_since_queue,
    count(*) filter (where is_abandoned and since_answer_ms <= $5) as abandoned_in_time_since_answer,
    count(*) filter (where is_abandoned and since_prompt_end_ms <= $5) as abandoned_in_time_since_prompt_end,
    sum(since_arrival_ms) filter (where fate = 'answered') as waited_since_arrival,
    sum(since_answer_ms) filter (where fate = 'answered') as waited_since_answer,
    sum(since_prompt_end_ms) filter (where fate = 'answered') as waited_since_prompt_end,
    sum(since_queue_ms) filter (where fate = 'answered') as waited_since_queue,
    max(since_answer_ms) filter (where fate = 'answered') as longest_since_answer,
    max(since_prompt_end_ms) filter (where fate = 'answered') as longest_since_prompt_end,
    sum(since_arrival_ms) filter (where is_abandoned) as patience,
    sum(held_ms) filter (where is_handled) as held,
    sum(ewt_told) as ewt_told,
    sum(ewt_by_departures_ms) as ewt_by_departures,
    sum(ewt_by_last_ms) as ewt_by_last,
    count(*) filter (where is_handled) as handled,
    sum(talk_ms) filter (where is_handled) as talk,
    sum(agents_ms) filter (where is_handled) as attended,
    sum(wrap_up_ms) filter (where is_handled) as wrap_up
from told_apart
group by 1, 2, 3

-- name: count_times
-- Seconds of each agent in each state, as far as they lie in the gaps, which are over; and what became of their offers.
-- `since` is one of $1.  The columns are those of the table kept_times, in their order.
select
    since, agent,
    count(*) filter (where state = 'reserved' and has_begun) as offers,
    count(*) filter (where state = 'paused' and reason = 'no-answer' and has_begun) as not_answered,
    count(*) filter (where state = 'paused' and reason = 'rejected' and has_begun) as rejected,
    sum(seconds) filter (where state <> 'signed-out') as signed_in,
    sum(seconds) filter (where state = 'ready') as ready,
    sum(seconds) filter (where state in ('reserved', 'ringing')) as reserved,
    sum(seconds) filter (where state in ('talking', 'holding', 'consulting')) as talking,
    sum(seconds) filter (where state = 'wrap-up') as wrapping_up,
    sum(seconds) filter (where state = 'paused') as paused,
    sum(seconds) filter (where state = 'unreachable') as unreachable
from (
    select
        ($1::timestamptz[])[n] as since, agent, state, reason,
        lasted.since >= greatest(($1::timestamptz[])[n], gaps.since) as has_begun,
        extract(epoch from
            least(lasted.until, gaps.until, ($1::timestamptz[])[n + 1])
            - greatest(lasted.since, gaps.since, ($1::timestamptz[])[n])
        ) as seconds
    from gaps cross join lateral (
        select agent, state, reason, since, coalesce(until, 'infinity') as until from agent_times
        where since >= gaps.since - interval '24 hours' and since < gaps.until
        union all  -- what lasts longer has an index of its own
        select agent, state, reason, since, coalesce(until, 'infinity') from agent_times
        where since < gaps.since - interval '24 hours' and (until is null or until - since > interval '24 hours')
    ) as lasted
    cross join lateral (
        select
            width_bucket(greatest(lasted.since, gaps.since), $1::timestamptz[]) as first,
            width_bucket(least(lasted.until, gaps.until) - interval '1 microsecond', $1::timestamptz[]) as last
    ) as cells
    cross join lateral generate_series(first, greatest(first, last)) as n
    where lasted.until > gaps.since or lasted.since >= gaps.since
) as cut
group by 1, 2

-- name: kept
-- Of $1, where windows begin and where the last one ends: the days that are counted by $2 and of whose parts, $3 long, each
-- lies in one window; and the gaps between them.
kept as (
    select day from closed_days cross join lateral (
        select
            width_bucket(day, $1::timestamptz[]) as first,
            width_bucket(day + interval '24 hours' - interval '1 microsecond', $1::timestamptz[]) as last
    ) as windows
    where counted_by = $2 and day >= ($1::timestamptz[])[1]
        and day + interval '24 hours' <= ($1::timestamptz[])[cardinality($1::timestamptz[])]
        and not exists (
            select from unnest(($1::timestamptz[])[first + 1:last]) as since
            where mod(extract(epoch from since - day), extract(epoch from $3::interval)) <> 0
        )
), gaps as (
    select since, until from (
        select lag(day + interval '24 hours', 1, ($1::timestamptz[])[1]) over (order by day) as since, day as until
        from kept
        union all
        select
            coalesce(max(day) + interval '24 hours', ($1::timestamptz[])[1]),
            ($1::timestamptz[])[cardinality($1::timestamptz[])]
        from kept
    ) as between_them
    where since < until
)

-- name: figures
-- One row a window and key.  $1 to $3: see kept; $4 to $6: see count_calls; a window is $7 of the cells that $1 limits, and
-- ends with each.
with cells as (
    select * from (
        select begun.n, begun.since, lead(begun.since) over (order by begun.n) as until
        from unnest($1::timestamptz[]) with ordinality as begun (since, n)
    ) as limits
    where until is not null
),
-- include: kept
, counted as (
    select *, null::timestamptz as day from (
        -- include: count_calls
    ) as counted_now
    union all
    select counted_then.* from kept cross join lateral (
        select * from kept_calls where kept_calls.day = kept.day and by = any ($4::text[])
    ) as counted_then
), found as (
    select width_bucket(since, $1::timestamptz[])::bigint as n, * from counted
), keys as (
    select distinct key from counted union select '' where '' = any ($4::text[])
), summed as (
    select
        cells.n, min(cells.since) over w as since, cells.until, keys.key,
        coalesce(sum(sum(offered)) over w, 0)::bigint as offered,
        coalesce(sum(sum(answered)) over w, 0)::bigint as answered,
        coalesce(sum(sum(abandoned_arrival)) over w, 0)::bigint as abandoned_arrival,
        coalesce(sum(sum(abandoned_greeting)) over w, 0)::bigint as abandoned_greeting,
        coalesce(sum(sum(abandoned_queue)) over w, 0)::bigint as abandoned_queue,
        coalesce(sum(sum(abandoned_ring)) over w, 0)::bigint as abandoned_ring,
        coalesce(sum(sum(abandoned_transfer)) over w, 0)::bigint as abandoned_transfer,
        coalesce(sum(sum(missed)) over w, 0)::bigint as missed,
        coalesce(sum(sum(refused)) over w, 0)::bigint as refused,
        coalesce(sum(sum(called_back)) over w, 0)::bigint as called_back,
        coalesce(sum(sum(transferred)) over w, 0)::bigint as transferred,
        coalesce(sum(sum(announced)) over w, 0)::bigint as announced,
        coalesce(sum(sum(survival)) over w, 0)::bigint as survival,
        coalesce(sum(sum(survival_person)) over w, 0)::bigint as survival_person,
        coalesce(sum(sum(survival_told)) over w, 0)::bigint as survival_told,
        coalesce(sum(sum(survival_nobody)) over w, 0)::bigint as survival_nobody,
        coalesce(sum(sum(failed)) over w, 0)::bigint as failed,
        coalesce(sum(sum(in_progress)) over w, 0)::bigint as in_progress,
        coalesce(sum(sum(abandoned)) over w, 0)::bigint as abandoned,
        coalesce(sum(sum(agent_requests)) over w, 0)::bigint as agent_requests,
        coalesce(sum(sum(agent_requests_abandoned)) over w, 0)::bigint as agent_requests_abandoned,
        coalesce(sum(sum(connected)) over w, 0)::bigint as connected,
        coalesce(sum(sum(overflowed)) over w, 0)::bigint as overflowed,
        coalesce(sum(sum(short_abandoned)) over w, 0)::bigint as short_abandoned,
        coalesce(sum(sum(agent_requests_short_abandoned)) over w, 0)::bigint as agent_requests_short_abandoned,
        coalesce(sum(sum(rated)) over w, 0)::bigint as rated,
        coalesce(sum(sum(satisfied)) over w, 0)::bigint as satisfied,
        coalesce(sum(sum(in_time_since_answer)) over w, 0)::bigint as in_time_since_answer,
        coalesce(sum(sum(in_time_since_prompt_end)) over w, 0)::bigint as in_time_since_prompt_end,
        coalesce(sum(sum(in_time_since_queue)) over w, 0)::bigint as in_time_since_queue,
        coalesce(sum(sum(abandoned_in_time_since_answer)) over w, 0)::bigint as abandoned_in_time_since_answer,
        coalesce(sum(sum(abandoned_in_time_since_prompt_end)) over w, 0)::bigint as abandoned_in_time_since_prompt_end,
        sum(sum(waited_since_arrival)) over w as waited_since_arrival,
        sum(sum(waited_since_answer)) over w as waited_since_answer,
        sum(sum(waited_since_prompt_end)) over w as waited_since_prompt_end,
        sum(sum(waited_since_queue)) over w as waited_since_queue,
        max(max(longest_since_answer)) over w as longest_since_answer,
        max(max(longest_since_prompt_end)) over w as longest_since_prompt_end,
        sum(sum(patience)) over w as patience,
        sum(sum(held)) over w as held,
        coalesce(sum(sum(ewt_told)) over w, 0)::bigint as ewt_told,
        sum(sum(ewt_by_departures)) over w as ewt_by_departures,
        sum(sum(ewt_by_last)) over w as ewt_by_last,
        coalesce(sum(sum(handled)) over w, 0)::bigint as handled,
        sum(sum(talk)) over w as talk,
        sum(sum(attended)) over w as attended,
        coalesce(sum(sum(wrap_up)) over w, 0) as wrap_up
    -- Whatever is found has a cell, so this is a left join, but one that is never done row by row, whatever is expected.
    from cells cross join keys full join found on found.n = cells.n and found.key = keys.key
    group by cells.n, cells.since, cells.until, keys.key
    window w as (partition by keys.key order by cells.n rows between $7::bigint - 1 preceding and current row)
)
select
    since, until, key,
    offered, answered,
    abandoned_arrival, abandoned_greeting, abandoned_queue, abandoned_ring, abandoned_transfer,
    missed, refused, called_back, transferred, announced, survival, failed, in_progress,
    survival_person, survival_told, survival_nobody,
    abandoned, agent_requests, connected, overflowed, short_abandoned, rated, satisfied, ewt_told, handled,
    in_time_since_answer, in_time_since_prompt_end, in_time_since_queue,
    answered::float8 / nullif(offered, 0) as connection_rate,
    answered::float8 / nullif(offered - short_abandoned, 0) as connection_rate_lenient,
    answered::float8 / nullif(agent_requests, 0) as agent_connection_rate,
    (answered + transferred + announced)::float8 / nullif(offered, 0) as overall_connection_rate,
    connected::float8 / nullif(offered, 0) as person_rate,
    in_time_since_answer::float8 / nullif(answered + abandoned, 0) as service_level_since_answer,
    in_time_since_answer::float8 / nullif(answered, 0) as service_level_of_answered_since_answer,
    (in_time_since_answer + abandoned_in_time_since_answer)::float8 / nullif(answered + abandoned, 0)
        as service_level_with_quick_abandons_since_answer,
    in_time_since_answer::float8 / nullif(answered + abandoned - abandoned_in_time_since_answer, 0)
        as service_level_without_quick_abandons_since_answer,
    in_time_since_answer::float8 / nullif(offered, 0) as service_level_of_offered_since_answer,
    in_time_since_answer::float8 / nullif(agent_requests, 0) as service_level_of_agent_requests_since_answer,
    in_time_since_prompt_end::float8 / nullif(answered + abandoned, 0) as service_level_since_prompt_end,
    in_time_since_prompt_end::float8 / nullif(answered, 0) as service_level_of_answered_since_prompt_end,
    (in_time_since_prompt_end + abandoned_in_time_since_prompt_end)::float8 / nullif(answered + abandoned, 0)
        as service_level_with_quick_abandons_since_prompt_end,
    in_time_since_prompt_end::float8 / nullif(answered + abandoned - abandoned_in_time_since_prompt_end, 0)
        as service_level_without_quick_abandons_since_prompt_end,
    in_time_since_prompt_end::float8 / nullif(offered, 0) as service_level_of_offered_since_prompt_end,
    in_time_since_prompt_end::float8 / nullif(agent_requests, 0) as service_level_of_agent_requests_since_prompt_end,
    in_time_since_queue::float8 / nullif(agent_requests, 0) as service_level_of_agent_requests_since_queue,
    agent_requests_abandoned::float8 / nullif(agent_requests, 0) as abandonment_rate,
    short_abandoned::float8 / nullif(offered, 0) as short_abandonment_rate,
    agent_requests_short_abandoned::float8 / nullif(agent_requests, 0) as short_abandonment_rate_of_agent_requests,
    satisfied::float8 / nullif(rated, 0) as satisfaction_rate,
    (waited_since_queue / 1000.0 / nullif(answered, 0))::float8 as asa_since_queue,
    (waited_since_arrival / 1000.0 / nullif(answered, 0))::float8 as asa_since_arrival,
    (waited_since_answer / 1000.0 / nullif(answered, 0))::float8 as asa_since_answer,
    (waited_since_prompt_end / 1000.0 / nullif(answered, 0))::float8 as asa_since_prompt_end,
    (longest_since_answer / 1000.0)::float8 as longest_wait_since_answer,
    (longest_since_prompt_end / 1000.0)::float8 as longest_wait_since_prompt_end,
    (patience / 1000.0 / nullif(abandoned, 0))::float8 as mean_patience,
    (talk / 1000.0 / nullif(handled, 0))::float8 as mean_talk,
    (held / 1000.0 / nullif(handled, 0))::float8 as mean_hold,
    (wrap_up / 1000.0 / nullif(handled, 0))::float8 as mean_wrap_up,
    ((attended + wrap_up) / 1000.0 / nullif(handled, 0))::float8 as mean_handle,
    (ewt_by_departures / 1000.0 / nullif(ewt_told, 0))::float8 as ewt_error_by_departures,
    (ewt_by_last / 1000.0 / nullif(ewt_told, 0))::float8 as ewt_error_by_last
from summed
where n >= $7
order by since, key;

-- name: agents
-- Window by window; $1 to $3: see kept.
with
-- include: kept
, found as (
    select * from (
        -- include: count_times
    ) as counted_now
    union all
    select kept_times.* from kept join kept_times using (day)
), added as (
    select
        ($1::timestamptz[])[width_bucket(since, $1::timestamptz[])] as since, agent,
        sum(offers)::bigint as offers, sum(not_answered)::bigint as not_answered, sum(rejected)::bigint as rejected,
        coalesce(sum(signed_in), 0)::float8 as signed_in,
        coalesce(sum(ready), 0)::float8 as ready,
        coalesce(sum(reserved), 0)::float8 as reserved,
        coalesce(sum(talking), 0)::float8 as talking,
        coalesce(sum(wrapping_up), 0)::float8 as wrapping_up,
        coalesce(sum(paused), 0)::float8 as paused,
        coalesce(sum(unreachable), 0)::float8 as unreachable
    from found
    group by 1, 2
)
select *, (talking + wrapping_up) / nullif(signed_in, 0) as occupancy
from added
order by since, agent;

-- name: hold
-- Whoever closes a day and whoever writes what belongs to one wait for each other.
lock table closed_days in share row exclusive mode;

-- name: open_day
-- The last day that was over at $2 and is not counted by $1.
select day from (
    select generate_series(
        date_trunc('day', least((select min(arrived) from calls), (select min(since) from agent_times)), 'Asia/Shanghai'),
        $2::timestamptz - interval '24 hours', interval '24 hours'
    )
) as every (day)
where not exists (select from closed_days where closed_days.day = every.day and counted_by = $1)
order by day desc limit 1;

-- name: forget
delete from closed_days where day = $1;

-- name: close
insert into closed_days (day, counted_by) values ($1, $2);

-- name: keep_calls
-- What came of the calls of the day from $2 to $3, in parts that begin at $1; $4 to $6: see count_calls.
with gaps as (
    select $2::timestamptz as since, $3::timestamptz as until
)
insert into kept_calls
select counted.*, $2 from (
    -- include: count_calls
) as counted;

-- name: keep_times
-- What agents did on the day that begins at the one of $1, and ends at $2.
with gaps as (
    select ($1::timestamptz[])[1] as since, $2::timestamptz as until
)
insert into kept_times
-- include: count_times
;
