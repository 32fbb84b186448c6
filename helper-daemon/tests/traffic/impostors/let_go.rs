//! A program that lets go of its own file, and then writes into it what another one holds.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::Command,
};

use portolan_testbed::Program;

use crate::bed::{Bed, PATIENCE, Stopped, run, sha256};

/// `program PORT BYTES OTHER`: has copies in memory in the place of what it mapped of its file, names another file as the one that it
/// executes (in a user namespace, everybody may), and copies what OTHER holds over its own. Then it talks.
const CODE: &str = r#"
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int count, char **words) {
    char me[4096] = {0}, line[8192], rights[8], stat[4096] = {0}, bytes[65536];
    unsigned long from[32], to[32], field[60], first, end;
    int all[32], maps = 0, n = 3, length;
    readlink("/proc/self/exe", me, sizeof(me) - 1);
    FILE *file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), file)) {
        if (!strstr(line, me) || sscanf(line, "%lx-%lx %7s", &first, &end, rights) != 3) continue;
        from[maps] = first, to[maps] = end;
        all[maps++] = (rights[0] == 'r') | (rights[1] == 'w') << 1 | (rights[2] == 'x') << 2;
    }
    for (int i = 0; i < maps; i++) {
        size_t size = to[i] - from[i];
        void *copy = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memcpy(copy, (void *)from[i], size);
        mprotect(copy, size, all[i]);
        mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from[i]);
    }
    file = fopen("/proc/self/stat", "r");
    fread(stat, 1, sizeof(stat) - 1, file);
    for (char *word = strtok(strrchr(stat, ')') + 2, " "); word; word = strtok(0, " "))
        field[n++] = strtoul(word, 0, 10);
    struct prctl_mm_map map = {
        .start_code = field[26], .end_code = field[27], .start_stack = field[28], .start_data = field[45],
        .end_data = field[46], .start_brk = field[47], .brk = (unsigned long)sbrk(0), .arg_start = field[48],
        .arg_end = field[49], .env_start = field[50], .env_end = field[51], .exe_fd = open("/usr/bin/env", O_RDONLY),
    };
    if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0)) return perror("prctl"), 1;
    int mine = open(me, O_WRONLY), other = open(words[3], O_RDONLY);
    while ((length = read(other, bytes, sizeof(bytes))) > 0) write(mine, bytes, length);
    if (mine < 0 || close(mine)) return perror(me), 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int talk = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(talk, (void *)&address, sizeof(address))) return perror("connect"), 1;
    write(talk, bytes, atoi(words[2]));
    puts("talked");
    fflush(stdout);
    return read(0, bytes, 1) < 0;
}
"#;

#[tokio::test]
#[ignore = "needs root, eBPF and a private bus"]
async fn what_a_program_writes_into_the_file_that_it_let_go_of_does_not_pass_for_what_runs() {
    let bed = Bed::start();
    let server = bed.programs.server();
    let [source, first, third, other] =
        ["holder.c", "first", "third", "other"].map(|name| bed.programs.path(name));
    fs::write(&source, CODE).unwrap();
    run("/usr/bin/cc".as_ref(), &["-w", "-o", first.to_str().unwrap(), source.to_str().unwrap()]);
    for path in [&third, &other] {
        fs::copy(&first, path).unwrap();
        // What follows the end of an ELF file changes nothing but its hash.
        let name = path.file_name().unwrap().as_encoded_bytes();
        OpenOptions::new().append(true).open(path).unwrap().write_all(name).unwrap();
    }
    let talk = |program: &Path, bytes: &str| {
        assert_ne!(sha256(program), sha256(&other));
        let mut command = Command::new("unshare");
        command.arg("-Ur").arg(program).args([&server.tcp.to_string(), bytes]).arg(&other);
        let mut running = Program::start_with_stdin("the program", command).unwrap();
        running.wait_for_line("its talk", PATIENCE, |line| (line == "talked").then_some(())).unwrap();
        assert_eq!(sha256(program), sha256(&other));
        running
    };
    // The daemon looks when all is done: while the program is there, and when it has ended.
    let stopped = Stopped::new(&bed);
    let running = talk(&first, "113");
    drop(stopped);
    check(&bed, 113).await;
    drop(running);
    let stopped = Stopped::new(&bed);
    drop(talk(&third, "114"));
    drop(stopped);
    check(&bed, 113 + 114).await;
}

/// So many bytes are nobody's, because the file was changed.
async fn check(bed: &Bed, bytes: u64) {
    let rows = bed.query(&["executable"]).await;
    let unattributed = bed.proxy().await.status().await.unwrap().attribution.unattributed;
    assert_eq!(unattributed["file-changed"], bytes, "{rows:#?}");
}
