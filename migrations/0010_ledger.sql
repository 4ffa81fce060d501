-- Stock in double entry per item, each account a column that the database holds against the others; and what guards the
-- sync's statement instead of foreign keys, which took more than half of its time.

-- Refuses the statement it is called in. A row that must not be is then named as by a constraint of this name.
create function refuse(constraint_name text, reason text) returns boolean language plpgsql as $$
begin
  raise exception using errcode = 'check_violation', constraint = constraint_name, message = reason;
end
$$;

-- apply.sql refuses what these refused, and an order whose hold was refused too.
alter table reservations drop constraint reservations_sale_id_fkey;
alter table orders drop constraint orders_sale_id_id_fkey;
alter table order_lines
  drop constraint order_lines_sale_id_order_id_fkey,
  drop constraint order_lines_sale_id_sku_fkey;
alter table stock_ledger drop constraint stock_ledger_sale_id_sku_fkey;

-- supply: from where units come; refunded: given back in money, not into the sale;
-- unsold: left over at settlement. What is in none of the others is available.
alter table items
  add column refunded bigint not null default 0 check (refunded >= 0),
  add column unsold   bigint not null default 0 check (unsold >= 0),
  drop constraint items_not_oversold,
  add constraint items_not_oversold check (slots + held + confirmed + refunded + unsold <= stock),
  add column available bigint not null generated always as (stock - slots - held - confirmed - refunded - unsold) stored;

alter table stock_ledger
  drop constraint stock_ledger_from_account_check,
  drop constraint stock_ledger_to_account_check,
  add constraint stock_ledger_from_account_check
    check (from_account in ('supply', 'available', 'slots', 'held', 'confirmed', 'refunded', 'unsold')),
  add constraint stock_ledger_to_account_check
    check (to_account in ('supply', 'available', 'slots', 'held', 'confirmed', 'refunded', 'unsold'));

-- Every account of every item as the ledger has it: one row of a movement is an entry on both sides, so the sum is zero.
create view stock_balances as
select sale_id, sku, account, sum(units) as units
  from (select sale_id, sku, to_account as account, units from stock_ledger
        union all
        select sale_id, sku, from_account, -units from stock_ledger) as sides
 group by sale_id, sku, account;
