// @ts-check
/**
 * Telling somebody who looks elsewhere that it is their turn: by the tab's icon, and where they have asked for it by a sound
 * or a notification. Loaded only by who is in line. A sound may be made only after a press on the page, so the press that
 * asks for it makes it once: that is how it will sound.
 */
import { m } from "./say.js";

/** @type {AudioContext | undefined} */
let audio;
let notifies = false;

/** The buttons by which one asks. @returns {HTMLButtonElement[]} */
export function signalButtons() {
  const sound = toggle(audio !== undefined, m.sound, m.soundOn, async (isOn) => {
    if (!isOn) {
      await audio?.close();
      audio = undefined;
      return false;
    }
    audio = new AudioContext();
    chime(audio);
    return true;
  });
  if (!("Notification" in globalThis)) return [sound];
  const notify = toggle(notifies, m.notify, m.notifyOn, async (isOn) => {
    notifies = isOn && (await Notification.requestPermission()) === "granted";
    if (isOn && !notifies) notify.textContent = m.notifyBlocked;
    return notifies;
  });
  return [sound, notify];
}

/**
 * @param {boolean} isOn @param {string} off @param {string} on what it says @param {(isOn: boolean) => Promise<boolean>} change
 * @returns {HTMLButtonElement}
 */
function toggle(isOn, off, on, change) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-plain";
  const show = () => {
    button.setAttribute("aria-pressed", String(isOn));
    button.textContent = isOn ? on : off;
  };
  show();
  button.addEventListener("click", async () => {
    const wanted = !isOn;
    isOn = await change(wanted);
    if (isOn === wanted) show();
  });
  return button;
}

/** @param {string} title */
export function signalTurn(title) {
  setIcon("/favicon-turn.svg");
  if (audio) chime(audio);
  // Some phones have notifications only for what is installed, and say so by throwing.
  try {
    if (notifies && document.hidden)
      new Notification(m.yourTurn, { body: title, icon: "/favicon-turn.svg", tag: title });
  } catch {
    notifies = false;
  }
}

export const signalOver = () => setIcon("/favicon.svg");

/** @param {string} href */
function setIcon(href) {
  const icon = document.querySelector('link[rel="icon"]');
  if (icon?.getAttribute("href") !== href) icon?.setAttribute("href", href);
}

/** Three notes upwards. @param {AudioContext} audio */
function chime(audio) {
  void audio.resume();
  [523.25, 659.25, 783.99].forEach((hertz, i) => {
    const at = audio.currentTime + i * 0.16;
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.5);
  });
}
