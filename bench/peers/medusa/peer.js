/**
 * Medusa's inventory module, on the same PostgreSQL: a reservation of one unit, under its lock as its own checkout takes it (the lock is
 * Medusa's, in PostgreSQL). The module alone reads what is there and writes it later, so that without the lock it sells more than it
 * has. Durable at once, several locations, a record of each reservation; no line, no expiry, no limit per shopper.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { MedusaApp } = require("@medusajs/modules-sdk");
const LOCATION = "warehouse";
const LOCK_SECONDS = 120;

export async function enter({ postgres: { connectionString: clientUrl } }) {
  const database = { clientUrl, driverOptions: { connection: { ssl: false } } };
  const resolve = require.resolve("@medusajs/locking-postgres");
  const provider = { resolve, id: "locking-postgres", is_default: true };
  const { modules, runMigrations } = await MedusaApp({
    modulesConfig: {
      inventory: { resolve: "@medusajs/inventory", options: { database } },
      locking: {
        resolve: "@medusajs/locking",
        options: { providers: [{ ...provider, options: { database } }] },
      },
    },
    sharedResourcesConfig: { database: { ...database, pool: { max: 32 } } },
    cwd: import.meta.dirname,
  });
  await runMigrations();
  const { inventory, locking } = modules;
  let item;
  return {
    async prepare(race, stock) {
      item = await inventory.createInventoryItems({ sku: race });
      await inventory.createInventoryLevels({
        inventory_item_id: item.id,
        location_id: LOCATION,
        stocked_quantity: stock,
      });
    },
    async take(shopper) {
      const wish = { inventory_item_id: item.id, location_id: LOCATION, quantity: 1, line_item_id: shopper };
      try {
        await locking.execute([item.id], () => inventory.createReservationItems(wish), {
          timeout: LOCK_SECONDS,
        });
        return true;
      } catch (error) {
        if (/not enough stock/i.test(error.message)) return false;
        throw error;
      }
    },
    async left() {
      const [level] = await inventory.listInventoryLevels({ inventory_item_id: item.id });
      return level.stocked_quantity - level.reserved_quantity;
    },
  };
}
