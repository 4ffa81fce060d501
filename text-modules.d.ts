declare module "*.lua" {
  const source: string;
  export default source;
}
declare module "*.sql" {
  const source: string;
  export default source;
}
/** Made by dev/workers/assets.ts. */
declare module "*/dist/assets-version.js" {
  const version: string;
  export default version;
}
