create table closed_days (
    day timestamptz primary key,
    counted_by text not null
);
comment on table closed_days is
    'days (midnight in Shanghai) of which the two tables below have every count; a day that something arrives late for is open again';
comment on column closed_days.counted_by is 'which SQL and which limits have counted: after a change of either all days are counted anew';

-- The columns, in their order, of count_calls in ivr/sql/metrics.sql, and the day.
create table kept_calls (
    since timestamptz not null,
    by text not null,
    key text not null,
    offered bigint not null,
    answered bigint not null,
    abandoned_arrival bigint not null,
    abandoned_greeting bigint not null,
    abandoned_queue bigint not null,
    abandoned_ring bigint not null,
    abandoned_transfer bigint not null,
    missed bigint not null,
    refused bigint not null,
    called_back bigint not null,
    transferred bigint not null,
    announced bigint not null,
    survival bigint not null,
    survival_person bigint not null,
    survival_told bigint not null,
    survival_nobody bigint not null,
    failed bigint not null,
    in_progress bigint not null,
    abandoned bigint not null,
    agent_requests bigint not null,
    agent_requests_abandoned bigint not null,
    connected bigint not null,
    overflowed bigint not null,
    short_abandoned bigint not null,
    agent_requests_short_abandoned bigint not null,
    rated bigint not null,
    satisfied bigint not null,
    in_time_since_answer bigint not null,
    in_time_since_prompt_end bigint not null,
    in_time_since_queue bigint not null,
    abandoned_in_time_since_answer bigint not null,
    abandoned_in_time_since_prompt_end bigint not null,
    waited_since_arrival bigint,
    waited_since_answer bigint,
    waited_since_prompt_end bigint,
    waited_since_queue bigint,
    longest_since_answer bigint,
    longest_since_prompt_end bigint,
    patience bigint,
    held bigint,
    ewt_told bigint,
    ewt_by_departures bigint,
    ewt_by_last bigint,
    handled bigint not null,
    talk bigint,
    attended bigint,
    wrap_up bigint,
    day timestamptz not null references closed_days on delete cascade,
    primary key (day, by, key, since)
);
comment on table kept_calls is
    'what came of the calls of a closed day: counts, and sums of ms; of all calls each 5 minutes, told apart by the day';

-- The columns of count_times.
create table kept_times (
    day timestamptz not null references closed_days on delete cascade,
    agent text not null,
    offers bigint not null,
    not_answered bigint not null,
    rejected bigint not null,
    signed_in numeric,
    ready numeric,
    reserved numeric,
    talking numeric,
    wrapping_up numeric,
    paused numeric,
    unreachable numeric,
    primary key (day, agent)
);
comment on table kept_times is 'how many seconds of a closed day each agent was in which state';

create index agent_times_long on agent_times (since) where until is null or until - since > interval '24 hours';

-- Whatever is written, by whomever, opens the days that it belongs to.  The lock comes before the look: whoever closes
-- days holds its rival, so each sees what the other has done (the default isolation: a statement sees what is committed).

create function calls_open_days() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    lock table closed_days in row exclusive mode;
    delete from closed_days where day in (select date_trunc('day', arrived, 'Asia/Shanghai') from changed);
    return null;
end
$$;
create trigger inserted_open_days after insert on calls
    referencing new table as changed for each statement execute function calls_open_days();
create trigger updated_open_days after update on calls
    referencing new table as changed for each statement execute function calls_open_days();
create trigger replaced_open_days after update on calls
    referencing old table as changed for each statement execute function calls_open_days();

-- Each call is looked up by its key, whatever the planner thinks of tables that it has not looked at yet: its plan stays.
create function facts_open_days() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    lock table closed_days in row exclusive mode;
    delete from closed_days where day in (
        select date_trunc('day', coalesce(known.arrived, began.arrived), 'Asia/Shanghai')
        from (select distinct key from changed) as told
        left join lateral (select arrived from calls where call = told.key limit 1) as known on true
        left join lateral (
            select to_timestamp(((body -> 'outcome' ->> 'at')::bigint) / 1000.0::double precision) as arrived
            from (select * from facts where known.arrived is null and key = told.key offset 0) as of_call
            where topic = 'call' and body ->> 'step' = 'arrived'
            order by seq limit 1
        ) as began on true
    );
    return null;
end
$$;
create trigger inserted_open_days after insert on facts
    referencing new table as changed for each statement execute function facts_open_days();

create function agent_times_open_days() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    lock table closed_days in row exclusive mode;
    delete from closed_days where day > (select min(since) - interval '24 hours' from changed)
        and exists (select from changed where since < day + interval '24 hours' and coalesce(until, 'infinity') >= day);
    delete from closed_days where day in (
        select date_trunc('day', arrived, 'Asia/Shanghai') from (select distinct call from changed where state = 'wrap-up') as ended
        cross join lateral (select arrived from calls where calls.call = ended.call limit 1) as known
    );
    return null;
end
$$;
create trigger inserted_open_days after insert on agent_times
    referencing new table as changed for each statement execute function agent_times_open_days();

-- A state that ends now had been counted as going on: only days after its end were counted wrongly.
create function ends_open_days() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    lock table closed_days in row exclusive mode;
    if exists (
        select from before full join after using (node, seq, n)
        where (before.agent, before.state, before.reason, before.call, before.since)
            is distinct from (after.agent, after.state, after.reason, after.call, after.since)
    ) then
        delete from closed_days;
        return null;
    end if;
    delete from closed_days where exists (
        select from before join after using (node, seq, n)
        where before.until is distinct from after.until
            and day + interval '24 hours' > least(before.until, after.until) and day <= greatest(
                coalesce(before.until, 'infinity'), coalesce(after.until, 'infinity')
            )
    );
    delete from closed_days where day in (
        select date_trunc('day', arrived, 'Asia/Shanghai') from (select distinct call from after where state = 'wrap-up') as ended
        cross join lateral (select arrived from calls where calls.call = ended.call limit 1) as known
    );
    return null;
end
$$;
create trigger updated_open_days after update on agent_times
    referencing old table as before new table as after for each statement execute function ends_open_days();

create function all_days_open() returns trigger language plpgsql as $$
begin
    lock table closed_days in row exclusive mode;
    delete from closed_days;
    return null;
end
$$;
create trigger removed_open_days after delete or truncate on calls for each statement execute function all_days_open();
create trigger removed_open_days after delete or truncate on facts for each statement execute function all_days_open();
create trigger updated_open_days after update on facts for each statement execute function all_days_open();
create trigger removed_open_days after delete or truncate on agent_times for each statement execute function all_days_open();
