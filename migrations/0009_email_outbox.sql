-- An e-mail is kept as the facts it tells of, so that one statement can write as many as there are people; its words are
-- made when it is sent. It is tried again only where it is certain that it was not sent.
alter table emails
  add column kind     text,
  add column data     jsonb,
  add column priority smallint not null default 0,
  add column state    text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'dead')),
  add column taken_at timestamptz,
  alter column recipient drop not null;

update emails
   set kind = 'text',
       data = jsonb_build_object('subject', subject, 'body', body),
       state = case when sent_at is not null then 'sent' when attempts >= 8 then 'dead' else 'queued' end;

drop index emails_due_at_idx;
alter table emails
  alter column kind set not null,
  alter column data set not null,
  drop column subject,
  drop column body,
  add constraint emails_sent check ((state = 'sent') = (sent_at is not null)),
  add constraint emails_sending check (state <> 'sending' or taken_at is not null);
create index on emails (priority, due_at) where state = 'queued';
create index on emails (taken_at) where state = 'sending';
create index on emails (id) where state = 'dead';
create index on emails (sale_id, state);
comment on column emails.recipient is 'null once deleted; then it is never sent';
comment on column emails.priority is 'lower goes first';
comment on column emails.due_at is 'when it may be sent, or tried again';
comment on column emails.attempts is 'also tells the result of an earlier attempt from that of a later one';

-- Every batch that was taken, one turn each: who takes the next turn has seen all before it, so that the limits hold
-- whoever else sends. Rows older than a day are deleted by who takes a turn.
create table email_takes (
  turn     bigint primary key,
  count    integer not null check (count > 0),
  taken_at timestamptz not null default now()
);
