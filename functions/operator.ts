/** Whether a token is the operator's. Both are hashed first, so that neither content nor length shows in the time. */
export async function isOperator(given: string | undefined, expected: string): Promise<boolean> {
  if (given === undefined || expected === "") return false;
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const [a, b] = await Promise.all([digest(given), digest(expected)]);
  return crypto.subtle.timingSafeEqual(a, b);
}
