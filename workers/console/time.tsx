/** Instants: in UTC as rendered, which everybody reads the same way; the script adds the reader's own clock. */
const utc = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

export function Time({ iso }: { iso: string }) {
  return (
    <time datetime={iso} data-local>
      {utc.format(new Date(iso))} UTC
    </time>
  );
}
