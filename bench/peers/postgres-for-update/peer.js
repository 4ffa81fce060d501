/**
 * The textbook's transaction: `SELECT … FOR UPDATE`, look in the program, then write. The row is locked over five round trips.
 * Durable at once. No line, no expiry, no limit but one unit each.
 */
import pg from "pg";

export async function enter({ postgres }) {
  const pool = new pg.Pool({ connectionString: postgres.connectionString, max: 16 });
  await pool.query("create table if not exists for_update_units (sale text primary key, stock int not null)");
  await pool.query(
    "create table if not exists for_update_holds (sale text, shopper text, primary key (sale, shopper))",
  );
  let sale = "";
  return {
    async prepare(race, stock) {
      sale = race;
      await pool.query("insert into for_update_units values ($1, $2)", [sale, stock]);
    },
    async take(shopper) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        const { rows } = await client.query("select stock from for_update_units where sale = $1 for update", [
          sale,
        ]);
        const isThere = rows[0].stock > 0;
        if (isThere) {
          await client.query("update for_update_units set stock = stock - 1 where sale = $1", [sale]);
          await client.query("insert into for_update_holds values ($1, $2)", [sale, shopper]);
        }
        await client.query("commit");
        return isThere;
      } finally {
        client.release();
      }
    },
    async left() {
      const { rows } = await pool.query("select stock from for_update_units where sale = $1", [sale]);
      return rows[0].stock;
    },
  };
}
