//! Stand-ins for rows that were lost and that others name: who is not known any more is shown as that.

use rusqlite::Connection;

/// How long chains of rows that name each other can be, with stand-ins.
const ROUNDS: usize = 6;

/// Makes every number of the file name something; how many stand-ins that took.
pub(super) fn repair(connection: &Connection) -> rusqlite::Result<u64> {
    // A parent gets its number before what it starts: a chain that says otherwise could be endless.
    connection.execute("UPDATE OR IGNORE lineage SET parent_id = NULL WHERE parent_id >= id", [])?;
    connection.execute("DELETE FROM lineage WHERE parent_id >= id", [])?;
    let mut invented = 0;
    for _ in 0..ROUNDS {
        let mut list = connection.prepare(
            "SELECT child.name, key.\"from\", key.\"table\" FROM pragma_table_list AS child, \
             pragma_foreign_key_list(child.name) AS key WHERE child.schema = 'main' AND child.type = 'table'",
        )?;
        let links = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let links: Vec<(String, String, String)> = links.collect::<Result<_, _>>()?;
        let mut round = 0;
        for (child, column, parent) in links {
            let key = if parent == "network" { "asn" } else { "id" };
            let mut list = connection.prepare(&format!(
                "SELECT DISTINCT {column} FROM {child} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {parent})"
            ))?;
            let missing: Vec<i64> = list.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for id in missing {
                round += 1;
                if !stand_in(connection, &parent, id)? {
                    let text = format!("UPDATE OR FAIL {child} SET {column} = NULL WHERE {column} = ?1");
                    // Where there is another row that is the same but for this, or it must not be missing, it goes.
                    if connection.execute(&text, [id]).is_err() {
                        connection.execute(&format!("DELETE FROM {child} WHERE {column} = ?1"), [id])?;
                    }
                }
            }
        }
        if round == 0 {
            break;
        }
        invented += round;
    }
    Ok(invented)
}

/// Puts a row in the place of one that was lost; `false` where nothing can stand there.
pub(super) fn stand_in(connection: &Connection, table: &str, id: i64) -> rusqlite::Result<bool> {
    let lost = format!("(lost {table} {id})");
    let executable = |connection: &Connection| {
        connection.execute("INSERT OR IGNORE INTO text (value) VALUES (?1)", [&lost])
    };
    match table {
        "text" => connection.execute("INSERT OR IGNORE INTO text (id, value) VALUES (?1, ?2)", (id, &lost))?,
        "executable" => {
            executable(connection)?;
            connection.execute(
                "INSERT OR IGNORE INTO executable (id, path_id, sha256) SELECT ?1, id, zeroblob(32) FROM text WHERE value = ?2",
                (id, &lost),
            )?
        }
        "lineage" => {
            executable(connection)?;
            connection.execute(
                "INSERT OR IGNORE INTO executable (path_id, sha256) SELECT id, zeroblob(32) FROM text WHERE value = ?1",
                [&lost],
            )?;
            connection.execute(
                "INSERT OR IGNORE INTO lineage (id, executable_id) SELECT ?1, executable.id FROM executable \
                 JOIN text ON text.id = path_id WHERE value = ?2 LIMIT 1",
                (id, &lost),
            )?
        }
        "application" => connection.execute("INSERT OR IGNORE INTO application (id, key) VALUES (?1, ?2)", (id, &lost))?,
        "domain" => {
            connection.execute("INSERT OR IGNORE INTO domain (id, name) VALUES (?1, ?2)", (id, format!("lost-{id}.invalid")))?
        }
        // In the block that routers drop, and under a number that no network has.
        "address" => {
            let value = (0x0100_u128 << 112) | u128::from(id.cast_unsigned());
            connection
                .execute("INSERT OR IGNORE INTO address (id, value) VALUES (?1, ?2)", (id, value.to_be_bytes()))?
        }
        "place" => {
            let asn = i64::from(u32::MAX).saturating_sub(id);
            connection.execute("INSERT OR IGNORE INTO network (asn, name) VALUES (?1, ?2)", (asn, &lost))?;
            connection
                .execute("INSERT OR IGNORE INTO place (id, range, asn) VALUES (?1, 'public', ?2)", (id, asn))?
        }
        "network" => connection.execute("INSERT OR IGNORE INTO network (asn) VALUES (?1)", [id])?,
        // What makes these two different from any other is a namespace and a port that nothing has.
        "actor" => connection.execute(
            "INSERT OR IGNORE INTO actor (id, owner, reason, uid, network_namespace) VALUES (?1, 'unattributed', 'damaged-history', ?2, ?1)",
            (id, u32::MAX),
        )?,
        "peer" => connection.execute(
            "INSERT OR IGNORE INTO peer (id, protocol, direction, recognised) VALUES (?1, 'ip-255', 'unknown', ?2)",
            (id, format!("lost-{id}")),
        )?,
        _ => return Ok(false),
    };
    Ok(true)
}
