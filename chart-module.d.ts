/** The chart library, from where the static build puts it (dev/workers/chart-files.ts). */
declare module "*/charts/uPlot.esm.js" {
  import uPlot from "uplot";
  export default uPlot;
}
