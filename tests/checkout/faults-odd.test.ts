/** Every step of a payment × every fault: whatever happens, money and stock end together. The other half of the stories. */
import { walk } from "./table.ts";
import { useShop } from "./world.ts";

walk(await useShop(), 1);
