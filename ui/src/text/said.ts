/**
 * What the daemon and the app in the tray say, in the person's language.
 *
 * A sentence is found by its text in their sources, as other catalogues do it; one that is not here is told as it is.
 */

import { m } from "../paraglide/messages.js";
import { shown } from "./hostile";

/** What stands in the holes of a sentence, from left to right. Hostile. */
type Says = (parts: readonly string[]) => string;

/** Each as it is written in Rust, with its holes in braces. */
export const CATALOGUE: readonly [text: string, says: Says][] = [
  ["Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.", m.said_no_daemon],
  ["You are not allowed to see the traffic of this machine. Ask its administrator to add you to the group “portolan”, then log in again. ({said})", ([said = ""]) => m.said_denied({ said: translated(said) })],
  ["The system bus cannot be reached: {error}. Nothing can be shown until it is back.", ([error = ""]) => m.said_no_bus({ error })],
  ["You do not have permission for this: {said}", ([said = ""]) => m.said_no_permission({ said: translated(said) })],
  ["Portolan's daemon did not answer: {error}.", ([error = ""]) => m.said_no_answer({ error })],
  ["Nobody may {what} as long as polkit does not answer: {why}. Is polkitd running?", ([what = "", why = ""]) => m.said_no_polkit({ what: translated(what), why })],
  ["polkit does not allow user {uid} to {what} ({action}). Who gives an administrator's password in a local session may, and root.", ([uid = "", what = "", action = ""]) => m.said_polkit_admin({ uid, what: translated(what), action })],
  ["polkit does not allow user {uid} to {what} ({action}). Members of the group portolan in a local session may, and root.", ([uid = "", what = "", action = ""]) => m.said_polkit_group({ uid, what: translated(what), action })],
  ["see network traffic", m.said_may_see],
  ["run the self-test", m.said_may_test],
  ["review applications", m.said_may_review],
  ["change the configuration", m.said_may_configure],
  ["delete from everybody's history", m.said_may_forget],
  ["Other questions of yours, or of others, have taken {} s; ask again.", ([first = ""]) => m.said_waited({ first })],
  ["The answer takes longer than {} s. Ask for a shorter time, or for less.", ([first = ""]) => m.said_too_long({ first })],
  ["the disk that holds the history has not answered for {} s. What was counted waits in memory.", ([first = ""]) => m.said_hanging_disk({ first })],
  ["Nothing of that is in the history that you may see.", m.said_nothing_of_that],
  ["{who} has {max} calls under way, which is the most; wait for an answer.", ([, max = ""]) => m.said_busy({ max })],
  ["The daemon has too many questions to answer. Try again.", m.said_many_questions],
  ["The daemon is ending.", m.said_ending],
  ["the history cannot be opened", m.said_not_opened],
  ["Nothing was changed: {}.", ([first = ""]) => m.said_unchanged({ first: translated(first) })],
  ["{delta} {what} were lost: some traffic may lack its owner. The status shows all losses by kind.", ([delta = "", what = ""]) => m.said_lost_events({ delta, what: translated(what) })],
  ["process events", m.said_lost_process_events],
  ["notices of executed files (at least)", m.said_lost_notices],
  ["flows' owners", m.said_lost_owners],
  ["It cannot be known what talks here: its file could not be opened. Its path is longer than 4095 bytes, it lies where only its user may look (FUSE, in a user namespace or before Linux 5.14), or it was gone too soon.", m.said_file_unavailable],
  ["It cannot be known what talks here: its file was changed, or could have been, after it was executed and before it was read, so that nobody can say what was executed.", m.said_file_changed],
  ["It cannot be known what talks here: its file could not be read. The disk gave an error, or the server behind it did not answer for 60 s.", m.said_file_unreadable],
  ["{} bytes were counted at sockets, but all owners add up to {}. This is a fault of portoland; please report it.", ([first = "", second = ""]) => m.said_unbalanced({ first, second })],
  ["known bytes through loopback: {}", ([first = ""]) => m.said_self_test({ first: list(first) })],
  ["{name} moved {moved}, counted {tx} sent and {rx} received", ([name = "", moved = "", tx = "", rx = ""]) => m.said_part_moved({ name, moved, tx, rx })],
  ["{name} is not possible on this machine", ([name = ""]) => m.said_part_impossible({ name })],
  ["{} bytes over none of these were counted", ([first = ""]) => m.said_part_astray({ first })],
  ["The history could not be written for {seconds} s: {problem}. What moved was kept in memory, and is written now: {how}.", ([seconds = "", problem = "", how = ""]) => m.said_not_written({ seconds, problem, how: translated(how) })],
  ["nothing was lost", m.said_nothing_lost],
  ["no byte was lost, but {rows} rows of what moved meanwhile had to be added to others and lack their remote side", ([rows = ""]) => m.said_rows_merged({ rows })],
  ["if the daemon were killed, what moves until it is back would not be counted: {problem}", ([problem = ""]) => m.said_killed_uncounted({ problem })],
  ["if the daemon were killed, what is not in the history yet would be lost: {problem}", ([problem = ""]) => m.said_killed_lost({ problem })],
  ["{problem}. Recording goes on in memory and is written as soon as it can be.", ([problem = ""]) => m.said_goes_on_in_memory({ problem })],
  ["its content could not be read", m.said_content_unreadable],
  ["the file at its path could not be read: {error}", ([error = ""]) => m.said_file_not_read({ error })],
  ["it runs in a mount namespace of its own, where another file is at its path than the machine has there", m.said_other_namespace],
  ["package {} has replaced the file since it was executed, and does not say what was there before", ([first = ""]) => m.said_package_replaced({ first })],
  ["{} is no field; put the word in quotes to find it as text", ([first = ""]) => m.said_no_field({ first })],
  ["{} is no {}; expected {expected}", ([first = "", second = "", expected = ""]) => m.said_no_value({ first, second, expected })],
  ["{} is not what {name} compares with; expected {expected}", ([first = "", name = "", expected = ""]) => m.said_compares({ first, name, expected })],
  ["nothing stands behind this “or”; put it in quotes to find it as text", m.said_behind_or],
  ["nothing stands behind this “and”; put it in quotes to find it as text", m.said_behind_and],
  ["nothing stands behind this “not”; put it in quotes to find it as text", m.said_behind_not],
  ["nothing stands before this word; put it in quotes to find it as text", m.said_nothing_before],
  ["nothing stands in these parentheses", m.said_parentheses_empty],
  ["no parenthesis is open that this one could close; put it in quotes to find it as text", m.said_parenthesis_open],
  ["this is about the whole query; put parentheses around what stands with “or”", m.said_whole_or],
  ["this is about the whole query; it cannot stand in parentheses or behind “not”", m.said_whole_within],
  ["a query has at most {MAX_TERMS} terms; leave something out", ([max_terms = ""]) => m.said_too_many_terms({ max_terms })],
];

const HOLE = /\{[^}]*\}/u;
/** Those that begin with words come first: a hole takes whatever is there. */
const PATTERNS: readonly [pattern: RegExp, says: Says][] = [...CATALOGUE]
  .sort(([one], [other]) => Number(one.startsWith("{")) - Number(other.startsWith("{")))
  .map(([text, says]) => [new RegExp(`^${text.split(HOLE).map(escaped).join("(.*?)")}$`, "su"), says]);

/** A sentence for a person. What it quotes is made harmless. */
export function said(sentence: string): string {
  return shown(translated(sentence));
}

function translated(sentence: string): string {
  for (const [pattern, says] of PATTERNS) {
    const found = pattern.exec(sentence);
    if (found !== null) return says(found.slice(1));
  }
  return sentence;
}

/** The parts of a sentence, each by itself. */
function list(parts: string): string {
  return parts.split("; ").map(translated).join("; ");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&");
}
