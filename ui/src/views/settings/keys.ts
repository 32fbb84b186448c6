/** What the page knows of the daemon's keys. Others are shown as a file has them. */

import { m } from "../../paraglide/messages.js";

/** How a value is changed. */
export type Control =
  | { kind: "switch" }
  | { kind: "duration" | "age" | "size" }
  | { kind: "number"; min: number; max: number }
  | { kind: "choice"; options: Record<string, () => string> }
  | { kind: "text"; words: Record<string, () => string>; example: string }
  | { kind: "list"; example: string }
  | { kind: "kinds" };

export interface KnownKey {
  key: string;
  label: () => string;
  about: () => string;
  control: Control;
}

export interface Section {
  id: string;
  title: () => string;
  about?: () => string;
  keys: readonly KnownKey[];
}

const known = (key: string, label: () => string, about: () => string, control: Control): KnownKey => ({ key, label, about, control });
const SWITCH: Control = { kind: "switch" };
const list = (example: string): Control => ({ kind: "list", example });

/** In the order of the page. */
export const SECTIONS: readonly Section[] = [
  {
    id: "recording",
    title: m.settings_recording,
    about: m.settings_recording_about,
    keys: [
      known("recording.addresses", m.settings_addresses, m.settings_addresses_about, SWITCH),
      known("recording.ports", m.settings_ports, m.settings_ports_about, SWITCH),
      known("recording.domains", m.settings_domains, m.settings_domains_about, SWITCH),
      known("recording.command_lines", m.settings_command_lines, m.settings_command_lines_about, SWITCH),
      known("recording.bucket", m.settings_bucket, m.settings_bucket_about, { kind: "duration" }),
      known("recording.tick", m.settings_tick, m.settings_tick_about, { kind: "duration" }),
    ],
  },
  {
    id: "retention",
    title: m.settings_retention,
    about: m.settings_retention_about,
    keys: [
      known("retention.max_size", m.settings_max_size, m.settings_max_size_about, { kind: "size" }),
      known("retention.bucket", m.settings_keep_bucket, m.settings_keep_bucket_about, { kind: "age" }),
      known("retention.minute", m.settings_keep_minute, m.settings_keep_minute_about, { kind: "age" }),
      known("retention.hour", m.settings_keep_hour, m.settings_keep_hour_about, { kind: "age" }),
      known("retention.day", m.settings_keep_day, m.settings_keep_day_about, { kind: "age" }),
    ],
  },
  {
    id: "notifications",
    title: m.settings_notifications,
    about: m.settings_notifications_about,
    keys: [
      known("notifications.least", m.settings_least, m.settings_least_about, {
        kind: "choice",
        options: { normal: m.settings_least_normal, loud: m.settings_least_loud, none: m.settings_least_none },
      }),
      known("notifications.quiet_kinds", m.settings_quiet_kinds, m.settings_quiet_kinds_about, { kind: "kinds" }),
      known("learning.period", m.settings_learning, m.settings_learning_about, { kind: "duration" }),
    ],
  },
  {
    id: "exclusions",
    title: m.settings_exclusions,
    about: m.settings_exclusions_about,
    keys: [
      known("exclusions.applications", m.settings_ex_applications, m.settings_ex_applications_about, list("/opt/backup/*")),
      known("exclusions.domains", m.settings_ex_domains, m.settings_ex_domains_about, list("*.example.org")),
      known("exclusions.networks", m.settings_ex_networks, m.settings_ex_networks_about, list("10.0.0.0/8")),
      known("exclusions.between_local", m.settings_ex_local, m.settings_ex_local_about, SWITCH),
      known("exclusions.ports", m.settings_ex_ports, m.settings_ex_ports_about, list("6881-6889")),
      known("exclusions.users", m.settings_ex_users, m.settings_ex_users_about, list("1001")),
      known("exclusions.containers", m.settings_ex_containers, m.settings_ex_containers_about, list("docker:*")),
      known("exclusions.executables", m.settings_ex_executables, m.settings_ex_executables_about, list("e3b0c44298fc1c14…")),
    ],
  },
  {
    id: "places",
    title: m.settings_places,
    keys: [
      known("places.databases", m.settings_databases, m.settings_databases_about, {
        kind: "text",
        words: { own: m.settings_databases_own, none: m.settings_databases_none },
        example: "/usr/share/GeoIP/GeoLite2-City.mmdb",
      }),
    ],
  },
  {
    id: "log",
    title: m.settings_log,
    about: m.settings_log_about,
    keys: [
      known("log.file", m.settings_log_file, m.settings_log_file_about, {
        kind: "text",
        words: { off: m.settings_off },
        example: "/var/log/portolan/flows.log",
      }),
      known("log.format", m.settings_log_format, m.settings_log_format_about, {
        kind: "choice",
        options: { json: () => "JSON", csv: () => "CSV" },
      }),
      known("log.rotate", m.settings_log_rotate, m.settings_log_rotate_about, { kind: "size" }),
      known("log.keep", m.settings_log_keep, m.settings_log_keep_about, { kind: "number", min: 0, max: 1000 }),
    ],
  },
];
