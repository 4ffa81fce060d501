/**
 * What many would use: one row per sale, `UPDATE … WHERE stock > 0`, which locks it for as long as the statement takes, and who
 * got one in the same statement. Durable at once. No line, no expiry, no limit but one unit each.
 */
import pg from "pg";

export async function enter({ postgres }) {
  const pool = new pg.Pool({ connectionString: postgres.connectionString, max: 16 });
  await pool.query("create table if not exists row_lock_units (sale text primary key, stock int not null)");
  await pool.query(
    "create table if not exists row_lock_holds (sale text, shopper text, primary key (sale, shopper))",
  );
  let sale = "";
  return {
    async prepare(race, stock) {
      sale = race;
      await pool.query("insert into row_lock_units values ($1, $2)", [sale, stock]);
    },
    async take(shopper) {
      const { rowCount } = await pool.query({
        name: "take",
        text: `with taken as (
                 update row_lock_units set stock = stock - 1 where sale = $1 and stock > 0 returning sale
               )
               insert into row_lock_holds select sale, $2 from taken`,
        values: [sale, shopper],
      });
      return rowCount === 1;
    },
    async left() {
      const { rows } = await pool.query("select stock from row_lock_units where sale = $1", [sale]);
      return rows[0].stock;
    },
  };
}
