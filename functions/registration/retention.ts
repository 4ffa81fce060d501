/** Personal data does not outlive its purpose: addresses go some days after the sale, and those never confirmed after two; each from the list and from its e-mails. */
import { z } from "zod";
import type { Services } from "../services.ts";

export async function forgetAddresses(services: Services): Promise<void> {
  await services.postgres(
    z.unknown(),
    // A link lasts a day; another one for who comes back late. Whatever else was sent there, such as a receipt, stays.
    `with unconfirmed as (
       delete from registrations where state = 'asked' and asked_at < now() - interval '2 days'
       returning sale_id, email
     )
     update emails set recipient = null
       from unconfirmed
      where emails.sale_id = unconfirmed.sale_id and recipient = unconfirmed.email and kind = 'confirm'`,
    [],
  );
  await services.postgres(
    z.unknown(),
    `with over as (
       select id from sales
        where (definition ->> 'closesAt')::timestamptz
              + coalesce((definition ->> 'keepAddressesDays')::integer, 30) * interval '1 day' < now()
          and (exists (select from registrations where sale_id = sales.id and email is not null)
               or exists (select from emails where sale_id = sales.id and recipient is not null))
     ),
     emails_forgotten as (update emails set recipient = null from over where sale_id = over.id and recipient is not null)
     update registrations set email = null from over where sale_id = over.id and email is not null and state <> 'asked'`,
    [],
  );
}
