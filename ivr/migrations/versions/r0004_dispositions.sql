create index facts_disposition on facts (key, seq) where topic = 'disposition';
