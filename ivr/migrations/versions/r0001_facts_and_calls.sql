create table mark (
    node text primary key,
    seq bigint not null
);
comment on table mark is 'up to which number the journal of each node has arrived';

create table facts (
    node text not null,
    seq bigint not null,
    at timestamptz not null,
    topic text not null,
    key text not null,
    body jsonb not null,
    primary key (node, seq)
);
comment on table facts is 'every entry of the journals, once';
create index facts_of_key on facts (key, seq);
create index facts_of_topic on facts (topic, at);

create table calls (
    call text primary key,
    node text not null,
    seq bigint not null,
    outcome text not null,
    stage text,
    cause integer not null,
    line text not null,
    phase text not null,
    marked text,
    dialled text not null,
    caller text not null,
    trunk text not null,
    diverted_from text,
    arrived timestamptz not null,
    answered timestamptz,
    prompts_ended timestamptz,
    queued timestamptz,
    rang timestamptz,
    connected timestamptz,
    released timestamptz,
    ended timestamptz not null,
    agent text,
    seat text,
    pool text,
    target text,
    offers integer not null,
    wait_ms bigint,
    since_answer_ms bigint,
    since_prompt_end_ms bigint,
    talk_ms bigint,
    recording text not null,
    rehearsal text not null,
    foreign key (node, seq) references facts (node, seq)
);
comment on table calls is 'one row a visit, from its record, or from the census when we were not there (outcome missed)';
create index calls_arrived on calls (arrived desc, call);
create index calls_of_line on calls (line, arrived);
create index calls_of_caller on calls (caller, arrived);
