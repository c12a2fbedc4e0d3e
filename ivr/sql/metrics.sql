-- The figures, each under its name in docs/metrics.md.  Moments come from outside; windows are half-open.

-- name: figures
-- One row a window and key.  $1: where cells begin, $2: where the last ends; a window is $3 cells, and ends with each.
-- $4: what calls are told apart by, where 'agent' is who answered, but each agent's talk, hold and wrap-up are their own.
-- $5, $6: milliseconds of "in time", and of a short abandon.
with cells as (
    select begun.n, begun.since, lead(begun.since, 1, $2) over (order by begun.n) as until
    from unnest($1::timestamptz[]) with ordinality as begun (since, n)
), calls_in as (
    select
        width_bucket(arrived, $1::timestamptz[])::bigint as n,
        coalesce(
            case $4::text
                when 'line' then line when 'pool' then pool when 'skill' then skill when 'agent' then agent
                when 'disposition' then (
                    select concat_ws('/', body ->> 'matter', body ->> 'ground') from facts
                    where facts.key = offered.call and topic = 'disposition'
                    order by seq desc limit 1
                )
            end,
            ''
        ) as key,
        case fate when 'survival' then (
            select body ->> 'reached' from facts
            where facts.key = offered.call and topic in ('record', 'missed', 'survived') and body ->> 'reached' is not null
            order by seq desc limit 1
        ) end as reached,
        starts_with(fate, 'abandoned') as is_abandoned, offered.*
    from offered
    where arrived >= ($1::timestamptz[])[1] and arrived < $2
), counted as (
    select
        n, key,
        count(*) as offered,
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
        sum(talk_ms) filter (where fate = 'answered') as talk,
        sum(held_ms) filter (where fate = 'answered') as held,
        sum(ewt_told) as ewt_told,
        sum(ewt_by_departures_ms) as ewt_by_departures,
        sum(ewt_by_last_ms) as ewt_by_last,
        sum(agents_ms) filter (where fate = 'answered') as attended,
        sum(wrap_up_ms) filter (where fate = 'answered') as wrap_up
    from calls_in
    group by n, key
), shares as (
    select
        n, calls_in.call, talk.agent as key, sum(talk.until - talk.since) as talk, sum(coalesce(talk.held_ms, 0)) as held,
        (
            select coalesce((1000 * extract(epoch from sum(until - since)))::bigint, 0) from agent_times
            where agent_times.call = calls_in.call and agent_times.agent = talk.agent and state = 'wrap-up'
        ) as wrap_up
    from calls_in cross join lateral jsonb_to_recordset(talks) as talk (agent text, since bigint, until bigint, held_ms bigint)
    where $4::text = 'agent' and fate = 'answered'
    group by n, calls_in.call, talk.agent
), agents_shares as (
    select n, key, count(*) as handled, sum(talk) as talk, sum(held) as held, sum(wrap_up) as wrap_up
    from shares
    group by n, key
), keys as (
    select distinct key from counted union select distinct key from agents_shares union select '' where $4::text = ''
), summed as (
    select
        cells.n, min(cells.since) over w as since, cells.until, keys.key,
        coalesce(sum(offered) over w, 0)::bigint as offered,
        coalesce(sum(answered) over w, 0)::bigint as answered,
        coalesce(sum(abandoned_arrival) over w, 0)::bigint as abandoned_arrival,
        coalesce(sum(abandoned_greeting) over w, 0)::bigint as abandoned_greeting,
        coalesce(sum(abandoned_queue) over w, 0)::bigint as abandoned_queue,
        coalesce(sum(abandoned_ring) over w, 0)::bigint as abandoned_ring,
        coalesce(sum(abandoned_transfer) over w, 0)::bigint as abandoned_transfer,
        coalesce(sum(missed) over w, 0)::bigint as missed,
        coalesce(sum(refused) over w, 0)::bigint as refused,
        coalesce(sum(called_back) over w, 0)::bigint as called_back,
        coalesce(sum(transferred) over w, 0)::bigint as transferred,
        coalesce(sum(announced) over w, 0)::bigint as announced,
        coalesce(sum(survival) over w, 0)::bigint as survival,
        coalesce(sum(survival_person) over w, 0)::bigint as survival_person,
        coalesce(sum(survival_told) over w, 0)::bigint as survival_told,
        coalesce(sum(survival_nobody) over w, 0)::bigint as survival_nobody,
        coalesce(sum(failed) over w, 0)::bigint as failed,
        coalesce(sum(in_progress) over w, 0)::bigint as in_progress,
        coalesce(sum(abandoned) over w, 0)::bigint as abandoned,
        coalesce(sum(agent_requests) over w, 0)::bigint as agent_requests,
        coalesce(sum(agent_requests_abandoned) over w, 0)::bigint as agent_requests_abandoned,
        coalesce(sum(connected) over w, 0)::bigint as connected,
        coalesce(sum(overflowed) over w, 0)::bigint as overflowed,
        coalesce(sum(short_abandoned) over w, 0)::bigint as short_abandoned,
        coalesce(sum(agent_requests_short_abandoned) over w, 0)::bigint as agent_requests_short_abandoned,
        coalesce(sum(rated) over w, 0)::bigint as rated,
        coalesce(sum(satisfied) over w, 0)::bigint as satisfied,
        coalesce(sum(in_time_since_answer) over w, 0)::bigint as in_time_since_answer,
        coalesce(sum(in_time_since_prompt_end) over w, 0)::bigint as in_time_since_prompt_end,
        coalesce(sum(in_time_since_queue) over w, 0)::bigint as in_time_since_queue,
        coalesce(sum(abandoned_in_time_since_answer) over w, 0)::bigint as abandoned_in_time_since_answer,
        coalesce(sum(abandoned_in_time_since_prompt_end) over w, 0)::bigint as abandoned_in_time_since_prompt_end,
        sum(waited_since_arrival) over w as waited_since_arrival,
        sum(waited_since_answer) over w as waited_since_answer,
        sum(waited_since_prompt_end) over w as waited_since_prompt_end,
        sum(waited_since_queue) over w as waited_since_queue,
        max(longest_since_answer) over w as longest_since_answer,
        max(longest_since_prompt_end) over w as longest_since_prompt_end,
        sum(patience) over w as patience,
        coalesce(sum(case $4 when 'agent' then handled else answered end) over w, 0)::bigint as handled,
        sum(case $4 when 'agent' then agents_shares.talk else counted.talk end) over w as talk,
        sum(case $4 when 'agent' then agents_shares.talk else attended end) over w as attended,
        sum(case $4 when 'agent' then agents_shares.held else counted.held end) over w as held,
        coalesce(sum(ewt_told) over w, 0)::bigint as ewt_told,
        sum(ewt_by_departures) over w as ewt_by_departures,
        sum(ewt_by_last) over w as ewt_by_last,
        coalesce(sum(case $4 when 'agent' then agents_shares.wrap_up else counted.wrap_up end) over w, 0) as wrap_up
    from cells cross join keys left join counted using (n, key) left join agents_shares using (n, key)
    window w as (partition by keys.key order by cells.n rows between $3::bigint - 1 preceding and current row)
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
where n >= $3
order by since, key;

-- name: agents
-- Seconds of each agent in each state, window by window, as far as they lie before $3; and what became of their offers.
with windows as (
    select begun.since, least(lead(begun.since, 1, $2) over (order by begun.n), $3) as until
    from unnest($1::timestamptz[]) with ordinality as begun (since, n)
), spent as (
    select
        windows.since, agent, state, reason, agent_times.since >= windows.since as has_begun,
        extract(epoch from least(coalesce(agent_times.until, $3), windows.until) - greatest(agent_times.since, windows.since))
            as seconds
    from windows join agent_times
        on agent_times.since < windows.until and coalesce(agent_times.until, $3) > windows.since
), added as (
    select
        since, agent,
        count(*) filter (where state = 'reserved' and has_begun) as offers,
        count(*) filter (where state = 'paused' and reason = 'no-answer' and has_begun) as not_answered,
        count(*) filter (where state = 'paused' and reason = 'rejected' and has_begun) as rejected,
        coalesce(sum(seconds) filter (where state <> 'signed-out'), 0)::float8 as signed_in,
        coalesce(sum(seconds) filter (where state = 'ready'), 0)::float8 as ready,
        coalesce(sum(seconds) filter (where state in ('reserved', 'ringing')), 0)::float8 as reserved,
        coalesce(sum(seconds) filter (where state in ('talking', 'holding', 'consulting')), 0)::float8 as talking,
        coalesce(sum(seconds) filter (where state = 'wrap-up'), 0)::float8 as wrapping_up,
        coalesce(sum(seconds) filter (where state = 'paused'), 0)::float8 as paused,
        coalesce(sum(seconds) filter (where state = 'unreachable'), 0)::float8 as unreachable
    from spent
    group by since, agent
)
select *, (talking + wrapping_up) / nullif(signed_in, 0) as occupancy
from added
order by since, agent;
