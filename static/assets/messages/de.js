// @ts-check
/** Everything the shop says to shoppers, in German. */
import { numbersIn } from "../format.js";

const { count, plural, span, range } = numbersIn("de");

/** @type {import("./en.js").Messages} */
export const messages = {
  language: "de",
  locale: "de-DE",
  amounts: "de",
  direction: "ltr",
  name: "Deutsch",

  refusals: {
    malformed_json: "Auf dieser Seite ist etwas schiefgegangen. Bitte lade sie neu.",
    body_too_large: "Das ist mehr, als in eine Bestellung passt.",
    body_incomplete: "Das kam nicht vollständig bei uns an. Bitte versuche es noch einmal.",
    unsupported_media_type: "Auf dieser Seite ist etwas schiefgegangen. Bitte lade sie neu.",
    invalid_input: "Bitte prüfe deine Auswahl.",
    not_found: "Hier ist nichts mehr.",
    method_not_allowed: "Auf dieser Seite ist etwas schiefgegangen. Bitte lade sie neu.",
    cross_origin:
      "Das kam von einer anderen Website, deshalb ist nichts geschehen. Bitte beginne auf dieser Seite.",
    bot_check_failed:
      "Bitte zeig, dass du ein Mensch bist, und stell dich noch einmal an. Das braucht JavaScript.",
    registration_needed: "Dieser Verkauf ist für bestätigte E-Mail-Adressen. Bitte bestätige zuerst deine.",
    login_needed: "Dieser Verkauf ist für Konten des Shops. Bitte logge dich ein und stell dich dann an.",
    registration_closed: "Dieser Verkauf nimmt jetzt keine Anmeldungen an.",
    token_expired: "Dieser Link ist abgelaufen. Bitte fordere einen neuen an.",
    link_used: "Dieser Link wurde schon benutzt. Bitte fordere einen neuen an.",
    slot_ended:
      "Die Zeit deiner Vormerkung ist vorbei, und ihr Stück ging an die Schlange. Du kannst dich noch anstellen.",
    outdated_ticket:
      "Die Schlange wurde neu aufgebaut. Deine alte Nummer bleibt: Du bekommst sie, wenn du dich wieder anstellst.",
    invalid_ticket: "Dein Platz in der Schlange gilt nicht mehr. Bitte stell dich noch einmal an.",
    invalid_pass:
      "Dass du dran bist, muss noch einmal geprüft werden. Dein Platz in der Schlange ist sicher.",
    pass_expired:
      "Deine Zeit war abgelaufen. Dein Platz in der Schlange ist sicher und bringt dich wieder hinein, sobald Platz ist.",
    rate_limited: "Das war etwas schnell. Nichts ist verloren; bitte warte einen Moment.",
    not_open: "Die Schlange ist noch nicht offen.",
    closed: "Dieser Verkauf ist zu Ende.",
    sold_out: "Dafür ist nicht mehr genug da.",
    not_your_turn: "Du bist noch nicht dran. Dein Platz in der Schlange ist sicher.",
    on_hold: "Der Verkauf macht kurz Pause. So lange überholt dich niemand.",
    limit_reached: "Das ist mehr, als eine Person haben darf.",
    conflicting_replay: "Du hattest schon gewählt; hier ist deine Wahl.",
    already_confirmed: "Das ist schon deine Bestellung.",
    payment_pending: "Deine Bank wird gerade nach dieser Zahlung gefragt. Bitte warte auf ihre Antwort.",
    reservation_expired: "Die Zeit für diese Reservierung ist abgelaufen, und die Artikel gingen zurück.",
    payment_unavailable:
      "Bezahlen ist gerade nicht möglich. Nichts wurde abgebucht; was du hältst, bleibt deins, bis die Zeit um ist.",
    unavailable:
      "Wir erreichen den Verkauf gerade nicht. Nichts ist verloren; dein Platz in der Schlange ist sicher.",
    network:
      "Die Verbindung ist weg. Dein Platz in der Schlange ist sicher; ist sie wieder da, geht es hier von selbst weiter.",
    voided:
      "Deine Zahlung kam erst, als die Zeit abgelaufen und alles vergeben war. Dir wurde nichts abgebucht.",
    returned: "Deine Zahlung kam, als alles vergeben war. Sie wurde erstattet.",
  },
  noneLeftOf: (name) => `Von ${name} ist gerade nichts mehr da.`,
  leftOf: (left, name) =>
    `Von ${name} ${plural(left, { one: "ist noch 1", other: `sind noch ${count(left)}` })} da.`,
  wrongAddress: "Das ist keine E-Mail-Adresse.",
  wrongLink: "Das ist kein Link dieses Verkaufs.",
  chooseOne: "Wähle mindestens einen Artikel.",

  skip: "Zum Inhalt",
  languages: "Sprache",
  promises: [
    ["Ein Platz für jeden.", "Die Schlange geht nach Nummern. Niemand überholt."],
    ["Dein Platz bleibt.", "Neu laden, schlafen, wiederkommen: Die Nummer bleibt deine."],
    ["Reserviert ist reserviert.", "Was du reservierst, ist deins, bis die Uhr abläuft."],
  ],
  notFound: "Hier ist nichts",
  notFoundMore: "Die Adresse ist vielleicht alt, oder der Verkauf ist noch nicht angekündigt.",
  notFoundTitle: "Nicht gefunden",
  allReleases: "Alle Verkäufe",
  oneMoment: "Einen Moment",
  noAnswer:
    "Der Shop antwortet gerade nicht. Nichts ist verloren: Diese Seite versucht es von selbst wieder.",
  tryAgain: "Noch einmal versuchen",

  releases: "Verkäufe",
  noReleases: "Gerade ist nichts im Verkauf",
  releasesMore: "Begrenzte Auflagen, verkauft in der Reihenfolge der Ankunft.",
  noReleasesMore: "Der nächste Verkauf wird hier angekündigt.",
  tags: {
    scheduled: "Demnächst",
    registration: "Demnächst",
    lobby: "Schlange offen",
    open: "Jetzt im Verkauf",
    sold_out: "Ausverkauft",
    closed: "Beendet",
    settled: "Beendet",
  },
  priceFrom: (price) => `Ab ${price}`,
  freeAndUp: "Ab kostenlos",
  free: "Kostenlos",

  items: "Artikel",
  pictures: "Bilder",
  picture: (n) => `Bild ${count(n)}`,
  perPerson: (n) => (n === 1 ? "Ein Stück pro Person" : `Bis zu ${count(n)} Stück pro Person`),
  itemLeft: { many: "", few: "Nur noch wenige", none: "Keine mehr" },
  noneNow: "Gerade nichts mehr da",

  headlines: {
    scheduled: "Bald geht es los",
    registration: "Die Anmeldung ist offen",
    lobby: "Die Schlange ist offen",
    open: "Jetzt im Verkauf",
    sold_out: "Ausverkauft",
    closed: "Dieser Verkauf ist zu Ende",
    settled: "Dieser Verkauf ist zu Ende",
  },
  days: "Tage",
  hours: "Stunden",
  minutes: "Minuten",
  seconds: "Sekunden",
  registrationOpensIn: "Die Anmeldung öffnet in",
  registrationClosesIn: "Die Anmeldung schließt in",
  opensIn: "Der Verkauf öffnet in",
  opens: (time) => ["Beginn: ", time, "."],
  registerFrom: (time) => ["Anmelden kannst du dich ab: ", time, "."],
  lineFrom: (time) => ["Anstellen kannst du dich ab: ", time, "."],
  pageFollows: "Diese Seite zeigt es von selbst; du musst nicht neu laden.",
  takeAPlace: "Nimm dir einen Platz in der Schlange. Du kommst hinein, wenn du dran bist.",
  letInByNumber: "Sobald der Verkauf öffnet, geht es nach Nummern hinein.",
  drawnAtOpening:
    "Zu Beginn werden die Plätze unter allen ausgelost, die da sind. Wie früh du kamst, spielt keine Rolle.",
  checkTheDraw: "Auslosung prüfen",
  everythingSold: "Alles hat jemanden gefunden. Danke, dass du da warst.",
  thanks: "Danke, dass du da warst.",
  join: "Anstellen",
  comeIn: "Hereinkommen",
  beenHere: "Schon hier gewesen? Zu deinem Platz",
  forAccounts: "Dieser Verkauf ist für Konten des Shops.",
  signIn: "Einloggen",

  address: "Deine E-Mail-Adresse",
  sendLink: "Link zuschicken",
  lookIntoMailbox: "Sieh in dein Postfach: Der Link in unserer E-Mail bestätigt deine Adresse.",
  confirmedAlready: "Schon bestätigt?",
  orWithout: "Oder ohne Anmeldung:",
  forConfirmed: "Dieser Verkauf ist für bestätigte Adressen: ein Platz für jede.",
  registerUntil: (until) => `Anmelden kannst du dich bis ${until}.`,
  slotsOffered: (slots, drawn, until) =>
    `${plural(slots, { one: "Ein Stück wird", other: `${count(slots)} Stück werden` })} ${
      drawn ? "unter allen ausgelost, die sich anmelden," : "für die zurückgelegt, die sich zuerst anmelden,"
    } bis ${until}. Eines für jede Adresse; der Rest wird in der Schlange verkauft.`,
  addressConfirmed: "Deine Adresse ist bestätigt.",
  joinWithIt: "Damit kannst du dich anstellen, auf diesem Gerät und auf anderen.",
  unitSetAside: "Ein Stück ist für dich zurückgelegt.",
  unitKept: (opens, until) =>
    `Komm ab ${opens} herein, ohne zu warten. Es bleibt dir bis ${until}; dann geht es an die Schlange.`,
  linkDoesTheSame: "Der Link in unserer E-Mail tut auf jedem Gerät dasselbe.",
  haveSlot: "Du hast eine Vormerkung: Ein Stück ist für dich zurückgelegt.",
  slotFinal: (decides) =>
    `Ab ${decides} steht es fest, und du bekommst einen Link, der dich zu Beginn ohne Warten hereinlässt.`,
  numberOfSoFar: (number, registered) => `Du bist Nummer ${count(number)} von bisher ${count(registered)}.`,
  slotsDrawn: (slots, decides, chance) =>
    `${plural(slots, { one: "1 Stück wird", other: `${count(slots)} Stück werden` })} unter allen ausgelost, ${decides}. ${chance}`,
  everybodyGetsOne: "Nach jetzigem Stand bekommen alle eines.",
  oneIn: (people) => `Nach jetzigem Stand etwa 1 von ${count(people)}.`,
  weWrite: "Wir schreiben dir, wie es ausgegangen ist.",
  slotsTaken: "Zurzeit sind alle Vormerkungen vergeben.",
  ifOneBecomesFree: (ahead) =>
    `Wird eine frei, geht sie an die, die zuerst bestätigt haben: Vor dir ${plural(ahead, {
      one: "ist höchstens eine Person",
      other: ahead === 0 ? "ist niemand" : `sind höchstens ${count(ahead)}`,
    })}.`,
  noSlot: "Diesmal hast du keine Vormerkung.",
  drawnPlace: (place, registered, slots) =>
    `Die Auslosung gab dir Rang ${count(place)} von ${count(registered)}; ${count(slots)} haben eine Vormerkung.`,
  restInLine: (opens) =>
    `Alles, was nicht zurückgelegt ist, wird in der Schlange verkauft, die allen offensteht. Beginn: ${opens}.`,

  inLine: "Du stehst in der Schlange",
  next: "Du bist gleich dran",
  slotTitle: "Du hast eine Vormerkung",
  yourNumber: "Deine Nummer",
  yourLobbyNumber: "Deine Nummer vor der Auslosung",
  way: "Weg, bis du dran bist",
  inLineSince: (time) => `In der Schlange seit ${time}.`,
  placeKept: "Du kannst diese Seite schließen: Dein Platz bleibt dir.",
  slotKept: "Du kannst diese Seite schließen: Dein Stück bleibt dir.",
  asksByItself: "Diese Seite fragt von selbst wieder nach.",
  askLess: "Nicht von selbst neu laden",
  askAgain: "Von selbst neu laden",
  checkNow: "Jetzt nachsehen",
  leave: "Schlange verlassen",
  leaveMore: "Dein Platz geht an die nächste Person und kommt nicht zurück.",
  leaveNow: "Platz aufgeben",
  atOpening: "Du kommst zu Beginn herein, ohne zu warten.",
  looking: "Wir sehen nach der Schlange.",
  placeDrawn: "Dein Platz wird zu Beginn ausgelost.",
  sameChance: "Wer bis dahin da ist, hat dieselbe Chance.",
  beingDrawn: "Dein Platz wird gerade ausgelost.",
  turnCame: "Du bist dran.",
  letInWithRoom: "Du kommst hinein, sobald Platz ist.",
  ahead: (n) =>
    n === 0
      ? "Niemand ist vor dir."
      : plural(n, { one: `${count(n)} Person vor dir.`, other: `${count(n)} Personen vor dir.` }),
  modes: {
    hold: "Der Verkauf macht kurz Pause. So lange überholt dich niemand.",
    drain: "Zurzeit kommt niemand mehr hinein: Zuerst werden die fertig, die drin sind. Dein Platz bleibt.",
    reject: "Der Verkauf wurde angehalten. Dein Platz bleibt, falls er weitergeht.",
    passthrough: "Alle in der Schlange kommen jetzt hinein.",
  },
  outOfReach:
    "Was noch da ist, reicht nicht bis zu deiner Nummer, auch nicht, wenn alles Unbezahlte zurückkäme. Das könnte nur eine Erstattung.",
  onlyReturns:
    "Was noch da ist, geht an Leute vor dir. Du kommst nur dran, wenn mehr zurückgegeben wird als bisher.",
  someReturns:
    "Was noch da ist, geht an Leute vor dir. Wird so viel zurückgegeben wie bisher, reicht es bis zu dir.",
  waitUnknown: "Wie lange es dauert, lässt sich noch nicht sagen.",
  waitIs: (wait) => `Wartezeit: ${wait}.`,
  underAMinute: "weniger als eine Minute",
  about: (n, unit) => `etwa ${span(n, unit)}`,
  range,
  cameIn: (people) =>
    people === 0
      ? "Zuletzt kam niemand hinein"
      : plural(people, {
          one: `Zuletzt kam ${count(people)} hinein`,
          other: `Zuletzt kamen ${count(people)} hinein`,
        }),
  bySize: (cameIn, everySeconds) =>
    `${cameIn}. Die Nächsten ${plural(everySeconds, { one: "in einer Sekunde", other: `binnen ${span(everySeconds, "second")}` })}.`,
  byRoom: (cameIn) => `${cameIn}: Drinnen ist es voll. Weitere folgen, wenn andere fertig sind.`,
  byStock: (cameIn) => `${cameIn}: Die drinnen wählen gerade aus, was noch da ist.`,
  sound: "Mit einem Ton melden",
  soundOn: "Ein Ton meldet sich",
  notify: "Benachrichtigen",
  notifyOn: "Du wirst benachrichtigt",
  notifyBlocked: "Dieser Browser erlaubt hier keine Benachrichtigungen",

  yourTurn: "Du bist dran",
  turnEnded: "Deine Zeit ist um",
  turnEndedMore: "Deine Nummer bleibt deine. Du kommst wieder hinein, sobald Platz ist.",
  stillHere: "Ich bin noch da",
  chooseWithin: (left) => ["Noch ", left, " zum Auswählen."],
  chooseUntil: (time) => ["Zeit zum Auswählen bis ", time, "."],
  oneUnit: "Deine Vormerkung gilt für ein Stück, welches du möchtest.",
  nothingChosen: "Nichts gewählt",
  total: "Summe",
  reserve: "Reservieren",
  notCharged: "Noch wird nichts abgebucht.",
  quantityOf: (item) => `Anzahl ${item}`,
  held: "Für dich reserviert",
  leftUntil: (left, until) => [left, " übrig, bis ", until],
  heldUntil: (time, minutes) => ["Deins bis ", time, `, noch etwa ${span(minutes, "minute")}.`],
  pay: "Bezahlen",
  complete: "Bestellung abschließen",
  giveBack: "Zurückgeben",
  soonOver: (seconds) => `Noch weniger als ${span(seconds, "second")}.`,
  passSoonOver: "Danach bleibt deine Nummer deine und bringt dich wieder hinein, wenn Platz ist.",
  saleSoonOver: "Danach ist der Verkauf zu Ende.",
  holdSoonOver: "Danach gehen die Artikel zurück an die Schlange.",
  extend: "Mehr Zeit",
  extendBy: (minutes, seconds) =>
    `Einmal, ${minutes > 0 ? span(minutes, "minute") : span(seconds, "second")} länger.`,
  extended: "Du hast dir mehr Zeit genommen.",
  waitingForBank: "Warten auf deine Bank",
  stayHeld: "Deine Artikel bleiben reserviert, bis sie antwortet. Diese Seite geht von selbst weiter.",

  yours: "Es ist deins",
  refunded: "Erstattet",
  ordered: (time) => ["Bestellt: ", time, "."],
  order: "Bestellung",
  refundComes: "Eine Erstattung ist auf dem Weg zu deiner Karte.",
  refundDone: "Erstattet: Das Geld ist auf dem Weg zurück zu deiner Karte.",
  refundPart: "Bezahlt, und ein Teil davon wurde erstattet.",
  paid: "Bezahlt.",
  beingTaken: "Deine Bank hat die Zahlung bewilligt; sie wird gerade eingezogen.",
  finding: "Wir suchen, wo du warst.",

  yourVisit: "Dein Besuch",
  titleInLine: "In der Schlange",
  yourOrder: "Deine Bestellung",

  isThisYours: "Ist das deine Adresse?",
  confirmJoin: "Bestätige sie, und du kannst dich damit anstellen, auf diesem Gerät und auf anderen.",
  confirmSlot: "Bestätige sie, und du stehst auf der Liste für eines der zurückgelegten Stücke.",
  confirmAddress: "Meine Adresse bestätigen",
  confirmed: "Bestätigt",
  confirmedTitle: "Deine Adresse ist bestätigt",
  setAsideTitle: "Ein Stück ist für dich zurückgelegt",
  saleOpens: (time) => ["Beginn des Verkaufs: ", time, "."],
  unitKeptUntil: (time) => ["Dein Stück bleibt dir bis ", time, "; dann geht es an die Schlange."],
  takeBackTitle: "Anmeldung zurücknehmen?",
  takeBackMore:
    "Deine Adresse wird gelöscht. Hast du eine Vormerkung, geht sie an jemand anderen und kommt nicht zurück.",
  takeBack: "Zurücknehmen",
  takenBack: "Zurückgenommen",
  takenBackTitle: "Deine Anmeldung ist zurückgenommen",
  takenBackMore:
    "Deine Adresse ist gelöscht. Solange die Anmeldung offen ist, kannst du dich wieder anmelden.",
  toTheSale: "Zum Verkauf",
  backToTheSale: "Zurück zum Verkauf",

  draw: "Die Auslosung",
  drawMore:
    "Wer da ist, wenn der Verkauf öffnet, bekommt einen Platz durchs Los. Niemand kann ihn vorher wissen oder wählen: Er folgt aus einem Geheimnis, dessen Fingerabdruck hier steht, seit der Verkauf angekündigt ist.",
  fingerprint: "Fingerabdruck (SHA-256 des Geheimnisses)",
  secret: "Geheimnis",
  numbersInLobby: "Nummern vor der Auslosung",
  isAnnounced: "Ist es das angekündigte Geheimnis?",
  yes: "Ja",
  no: "Nein",
  secretComes: (time) => [
    "Das Geheimnis wird veröffentlicht, wenn der Verkauf öffnet: ",
    time,
    ". Von da an kann jeder jeden Platz ausrechnen.",
  ],
  aNumber: "Eine Nummer vor der Auslosung",
  compute: "Platz ausrechnen",
  noNumber: (number) => `Eine Nummer ${count(number)} gab es hier nicht.`,
  hasPlace: (number, place) => `Nummer ${count(number)} hat Platz ${count(place)}.`,
  computation: (script, data) => ["Gerechnet wird mit ", script, "; um es selbst zu tun, siehe ", data, "."],
  publicData: "die öffentlichen Daten des Verkaufs",
};
