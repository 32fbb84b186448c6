use super::*;

/// What a program runs, as a key says it; `-` when it runs nothing besides itself.
fn run(arguments: &[&str]) -> String {
    said(&invocation(arguments[0], &text(arguments)))
}

fn text(arguments: &[&str]) -> Vec<u8> {
    let mut text: Vec<u8> = arguments.join("\0").into_bytes();
    text.push(0);
    text
}

fn invocation<'a>(path: &'a str, arguments: &'a [u8]) -> Invocation<'a> {
    Invocation { path, arguments: Some(arguments), ..Invocation::default() }
}

fn said(invocation: &Invocation<'_>) -> String {
    let here = Untrusted::from("/home/u/w");
    let found = Interpreted::of(&Invocation { working_directory: Some(&here), ..*invocation });
    found.map_or_else(|| "nothing".to_owned(), |interpreted| interpreted.to_text())
}

/// Each line: the command, `→`, what it runs. Words are separated by spaces.
fn check(table: &str) {
    let mut lines = 0;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, expected) = line.split_once(" → ").unwrap();
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_eq!(run(&arguments), expected, "{command}");
        lines += 1;
    }
    assert!(lines > 0);
}

#[test]
fn python() {
    check(
        "python3.11 x.py a b → /home/u/w/x.py
         python3 /opt/x.py → /opt/x.py
         python3 -u -W error x.py → /home/u/w/x.py
         python3 -Werror -Xdev -OO x.py → /home/u/w/x.py
         python3 -X dev ./x.py → /home/u/w/x.py
         python3 --check-hash-based-pycs always x.py → /home/u/w/x.py
         python3 -IuXdev x.py → /home/u/w/x.py
         python3 -m http.server 8000 → -m http.server
         python3 -mhttp.server → -m http.server
         python3 -Im http.server → -m http.server
         python3 -c x /opt/x.py → -c
         python3 -Ic x /opt/x.py → -c
         python3 - x.py → -
         python3 -- x.py → /home/u/w/x.py
         python3 -i x.py → /home/u/w/x.py
         python3 → -
         python3 -i → -
         pypy3.9 x.py → /home/u/w/x.py
         python3 --new-option x.py → ?
         python3 -Z x.py → ?
         python3 /dev/fd/63 → -
         python3 /proc/self/fd/3 → -
         python3 ../y/./x.py → /home/u/y/x.py
         python3 ../../../../x.py → /x.py
         python3 link/../x.py → /home/u/w/link/../x.py
         python3 /home/u/link/../x.py → /home/u/link/../x.py",
    );
}

#[test]
fn perl_and_ruby() {
    check(
        "perl x.pl → /home/u/w/x.pl
         perl5.36.0 -w -T x.pl → /home/u/w/x.pl
         perl5.36-x86_64-linux-gnu x.pl → /home/u/w/x.pl
         perl -ne code x.pl → -c
         perl -0777ne code x.pl → -c
         perl -CSe code x.pl → -c
         perl -l012e code x.pl → -c
         perl -i.bak x.pl → /home/u/w/x.pl
         perl -MEvil x.pl → -M=Evil /home/u/w/x.pl
         perl -M=a x.pl → -M==a /home/u/w/x.pl
         perl -Ilib x.pl → -I=/home/u/w/lib /home/u/w/x.pl
         perl -I lib:/opt/p-1.2/lib x.pl → -I=/home/u/w/lib:/opt/p-*/lib /home/u/w/x.pl
         perl -d:Evil x.pl → -d=Evil /home/u/w/x.pl
         perl -d=Evil x.pl → ?
         perl -d x.pl → /home/u/w/x.pl
         perl -S x.pl → ?
         perl -de code x.pl → ?
         perl - x.pl → -
         perl → -
         perl -w → -
         ruby3.1 x.rb → /home/u/w/x.rb
         ruby -W0 -Eutf-8 x.rb → /home/u/w/x.rb
         ruby -E utf-8 --disable gems x.rb → /home/u/w/x.rb
         ruby -r./evil x.rb → -r=/home/u/w/evil /home/u/w/x.rb
         ruby -rnet/http -e code → -c
         ruby -W0e code x.rb → -c
         ruby -C /tmp x.rb → ?",
    );
    let with_space = text(&["perl", "-i.bak -e", "code", "/opt/x.pl"]);
    assert_eq!(said(&invocation("perl", &with_space)), "?");
}

#[test]
fn javascript() {
    check(
        "node x.js → /home/u/w/x.js
         nodejs --max-old-space-size=4096 --no-warnings x.js → /home/u/w/x.js
         node --require ./hook.js x.js → --require=/home/u/w/hook.js /home/u/w/x.js
         node --require=ts-node/register x.js → --require=ts-node/register /home/u/w/x.js
         node --experimental_loader=/tmp/evil.mjs x.js → --experimental_loader=/tmp/evil.mjs /home/u/w/x.js
         node -r a --import b x.js → -r=a --import=b /home/u/w/x.js
         node --inspect x.js → /home/u/w/x.js
         node --inspect-port 9 x.js → /home/u/w/x.js
         node -e code x.js → -c
         node --eval=code → -c
         node -p 1 → -c
         node -pe 1 → -c
         node - x.js → -
         node -- x.js → /home/u/w/x.js
         node --unheard /opt/good.js x.js → ?
         node --test x.js → ?
         node → -
         node --inspect → -
         deno run -A --allow-net=a.b x.ts → /home/u/w/x.ts
         deno run --import-map m.json x.ts → --import-map=m.json /home/u/w/x.ts
         deno run -R=/a x.ts → /home/u/w/x.ts
         deno x.ts → /home/u/w/x.ts
         deno run https://a.b/x.ts → -m https://a.b/x.ts
         deno eval code → -c
         deno task dev → task
         deno repl → -
         deno → -
         bun run x.ts → /home/u/w/x.ts
         bun ./x → /home/u/w/x
         bun run dev → dev
         bun install → install
         bun -e code → -c",
    );
}

#[test]
fn shells() {
    check(
        "bash x.sh a → /home/u/w/x.sh
         sh -eu x.sh → /home/u/w/x.sh
         dash -c code x.sh → -c
         bash -euxo pipefail x.sh → /home/u/w/x.sh
         bash +o posix -O extglob x.sh → /home/u/w/x.sh
         bash -o errexit -c code → -c
         bash -xc code → -c
         bash -lc code → -c
         bash -oc pipefail → ?
         bash -s a b → -
         bash -s -c code → -c
         bash -sx → -
         bash --norc x.sh → /home/u/w/x.sh
         bash --rcfile /tmp/evil x.sh → --rcfile=/tmp/evil /home/u/w/x.sh
         bash - x.sh → /home/u/w/x.sh
         bash -- x.sh → /home/u/w/x.sh
         bash --unheard x.sh → ?
         bash -l → -
         sh → -
         bash -i → -
         zsh -b x.sh → ?
         ksh93 x.sh → /home/u/w/x.sh
         bash /dev/fd/63 → -",
    );
}

#[test]
fn java() {
    check(
        "java -jar x.jar a → /home/u/w/x.jar
         java -jar -Xmx1g x.jar → /home/u/w/x.jar
         java -Xmx1g -Da.b=c -jar /opt/x-1.2/x.jar → /opt/x-*/x.jar
         java -cp a:/opt/x-1.2/b.jar Main x → -cp=/home/u/w/a:/opt/x-*/b.jar -m Main
         java --class-path=/a Main → --class-path=/a -m Main
         java Main → -m Main
         java -p /mods -m a.b/a.Main x → -p=/mods -m a.b/a.Main
         java -javaagent:/tmp/evil.jar -jar x.jar → -javaagent=/tmp/evil.jar /home/u/w/x.jar
         java --add-opens java.base/x=ALL -jar x.jar → /home/u/w/x.jar
         java --add-modules a Main → -m Main
         java X.java a → /home/u/w/X.java
         java @args Main → ?
         java -jar @args x.jar → ?
         java -cp @args Main → ?
         java -XX:SharedArchiveFile=/e.jsa -jar x.jar → -XX:SharedArchiveFile=/e.jsa /home/u/w/x.jar
         java --unheard x Main → ?
         java -version → nothing",
    );
}

#[test]
fn others() {
    check(
        "php x.php → /home/u/w/x.php
         php8.2 -f x.php → /home/u/w/x.php
         php -d auto_prepend_file=/tmp/e x.php → -d=auto_prepend_file=/tmp/e /home/u/w/x.php
         php -f x.php -d extension=/tmp/e.so → -d=extension=/tmp/e.so /home/u/w/x.php
         php -r code → -c
         php -- x.php → -
         php -S localhost:80 x.php → ?
         lua5.4 -l evil x.lua → -l=evil /home/u/w/x.lua
         lua x.lua → /home/u/w/x.lua
         lua -e code x.lua → -c
         luajit-2.1.0-beta3 -joff x.lua → -j=off /home/u/w/x.lua
         tclsh8.6 -encoding utf-8 x.tcl → /home/u/w/x.tcl
         R --no-echo --no-restore --file=x.R --args y → /home/u/w/x.R
         R --vanilla → -
         R x → -
         Rscript --vanilla x.R → /home/u/w/x.R
         Rscript -e code → -c
         mono --debug x.exe → /home/u/w/x.exe
         dotnet x.dll → /home/u/w/x.dll
         dotnet exec --depsfile /d x.dll → --depsfile=/d /home/u/w/x.dll
         dotnet build → build
         wine x/y.exe → /home/u/w/x/y.exe
         wine64 Z:\\home\\u\\x.exe → drive=Z: /home/u/x.exe
         wine64-preloader /usr/lib/wine/wine64 z:\\x.exe → drive=Z: /x.exe
         wine C:\\x.exe → -m C:\\x.exe
         wine notepad → -m notepad
         curl x → nothing
         env python3 x.py → nothing",
    );
}

#[test]
fn programs_that_run_programs() {
    check(
        "/lib64/ld-linux-x86-64.so.2 /usr/bin/curl x → /usr/bin/curl
         ld-2.31.so ./x → /home/u/w/x
         ld-musl-x86_64.so.1 --library-path /tmp /usr/bin/curl → --library-path=/tmp /usr/bin/curl
         ld-linux.so.2 --preload /tmp/e.so --inhibit-cache /usr/bin/curl → --preload=/tmp/e.so /usr/bin/curl
         ld-linux.so.2 --argv0 x /usr/bin/curl → --argv0=x /usr/bin/curl
         ld-linux.so.2 curl → ?
         ld-linux.so.2 --list /usr/bin/curl → ?
         ld-linux.so.2 → nothing
         ld-linux.so.2 /usr/bin/python3.11 /tmp/x.py → run=/usr/bin/python3 /tmp/x.py
         ld-linux.so.2 /usr/bin/python3 → -
         ld-linux.so.2 /usr/bin/python3 -c x → -c
         ld-linux.so.2 /bin/busybox wget x → run=/bin/busybox wget
         ld-linux.so.2 ./ld-linux.so.2 /usr/bin/curl → run=/home/u/w/ld-linux.so.2 /usr/bin/curl
         qemu-x86_64-static -L /sys-1 /usr/bin/curl → -L=/sys-1 /usr/bin/curl
         qemu-arm -cpu max -E LD_PRELOAD=/e.so /usr/bin/curl → -E=LD_PRELOAD=/e.so /usr/bin/curl
         qemu-system-x86_64 -hda x → nothing
         busybox wget x → wget
         /bin/busybox /bin/wget x → wget
         busybox sh x.sh → run=sh /home/u/w/x.sh
         busybox ash -c x → -c
         busybox sh → -
         busybox --list → nothing
         busybox → nothing
         busybox.static a=b → ?",
    );
    let deep = ["/ld-linux.so.2"; 7];
    assert_eq!(run(&deep), "?", "nobody follows that for long");
    for (own_name, expected) in [("wget", "wget"), ("-sh", "-"), ("/bin/nc", "nc"), ("a b", "?"), ("", "?")] {
        assert_eq!(said(&invocation("/bin/busybox", &text(&[own_name]))), expected, "{own_name}");
    }
}

#[test]
fn what_the_kernel_did_not_note_is_unknown() {
    let whole = text(&["python3", "-W", "error", "/opt/good.py"]);
    for length in 0..whole.len() {
        let cut = Invocation { arguments_are_cut: true, ..invocation("/usr/bin/python3", &whole[..length]) };
        assert_eq!(said(&cut), "?", "{length}");
    }
    let unknown = Invocation { arguments: None, ..invocation("/usr/bin/python3", &[]) };
    assert_eq!(said(&unknown), "?");
    let arguments = text(&["python3", "x.py"]);
    assert_eq!(
        Interpreted::of(&invocation("python3", &arguments)).unwrap().to_text(),
        "?",
        "no folder is known"
    );
}

#[test]
fn what_the_kernel_gave_to_an_interpreter() {
    let by_kernel = |path, arguments: &[&str], name: &[u8]| {
        said(&Invocation { script_name: Some(name), ..invocation(path, &text(arguments)) })
    };
    assert_eq!(by_kernel("/usr/bin/awk", &["awk", "-f", "./x"], b"./x"), "/home/u/w/x");
    assert_eq!(by_kernel("/usr/bin/python3", &["python3", "-I", "./x"], b"./x"), "/home/u/w/x");
    assert_eq!(by_kernel("/usr/bin/python3", &["python3", "-Z", "./x"], b"./x"), "options=? /home/u/w/x");
    // A script whose first line names another one only runs that.
    let other = by_kernel("/usr/bin/python3", &["python3", "/tmp/evil.py", "/opt/x"], b"/opt/x");
    assert_eq!(other, "/tmp/evil.py");
    assert_eq!(by_kernel("/usr/bin/awk", &["awk", "/dev/fd/5"], b"/dev/fd/5"), "-");
    // Its own name may stand behind its path (binfmt_misc).
    let emulated =
        by_kernel("/usr/bin/qemu-arm", &["x", "/usr/bin/python3", "python3", "x.py"], b"/usr/bin/python3");
    assert_eq!(emulated, "options=? /usr/bin/python3");
}

#[test]
fn variables_that_load_code() {
    let arguments = text(&["python3", "/opt/x.py"]);
    let with =
        |variables: &[&[u8]]| said(&Invocation { variables, ..invocation("/usr/bin/python3", &arguments) });
    assert_eq!(
        with(&[b"HOME=/x", b"PYTHONPATH=/tmp/a b", b"PERL5LIB=/y"]),
        "PYTHONPATH=/tmp/a%20b /opt/x.py"
    );
    assert_eq!(with(&[b"PYTHONPATH="]), "/opt/x.py");
    assert!(code_variables().contains(&"NODE_OPTIONS"));
}

#[test]
fn secrets_are_in_no_key() {
    check(
        "deno run https://user:token@host/x.ts → -m https://user:***@host/x.ts
         deno run https://h/x.ts?token=abc&v=1 → -m https://h/x.ts?token=***&v=1
         deno run --config https://user:token@h/d.json x.ts → --config=/home/u/w/https:/user:/home/u/w/***@h/d.json /home/u/w/x.ts
         deno run --import-map=https://user:token@h/m x.ts → --import-map=https://user:***@h/m /home/u/w/x.ts
         php https://user:token@h/x.php → ?
         python3 https://h:80/x.py → /home/u/w/https:/h:80/x.py
         python3 reset-password=1.py → /home/u/w/reset-password=1.py
         java -cp /a/token:/b Main → -cp=/a/token:/b -m Main
         java -cp secret:/b Main → -cp=/home/u/w/secret:/b -m Main
         java -javaagent:/a.jar=apiKey=abc Main → -javaagent=/a.jar=apiKey=*** -m Main
         qemu-arm -E PGPASSWORD=a,b /usr/bin/curl → -E=PGPASSWORD=*** /usr/bin/curl
         qemu-arm -E PGPASSWORD=a,LD_PRELOAD=/e.so /usr/bin/curl → -E=PGPASSWORD=***,LD_PRELOAD=/e.so /usr/bin/curl
         php -d mysqli.default_password=abc x.php → -d=mysqli.default_password=*** /home/u/w/x.php",
    );
    for long in ["token=@".repeat(20_000), format!("{}/x.jar", "a://".repeat(2000))] {
        assert_eq!(run(&["java", "-javaagent:/a", "-jar", &long]), "?");
    }
    let many = format!("-javaagent:token={}\0", "a".repeat(100)).repeat(200);
    let arguments = format!("java\0{many}Main\0");
    assert_eq!(said(&invocation("java", arguments.as_bytes())), "?", "not all is searched for secrets");
    for (command, variable, expected) in [
        ("java Main", "JAVA_TOOL_OPTIONS=-Dnet.keyStorePassword=hunter2", "-Dnet.keyStorePassword=***"),
        (
            "java Main",
            "JAVA_TOOL_OPTIONS=-Dpassword=a -javaagent:/e.jar",
            "-Dpassword=***%20-javaagent:/e.jar",
        ),
        ("java Main", "JAVA_TOOL_OPTIONS=-Dcookie=a -javaagent:/e.jar", "-Dcookie=***%20-javaagent:/e.jar"),
        ("java Main", "JAVA_TOOL_OPTIONS=-DapiKey=a -Dkey=b", "-DapiKey=***%20-Dkey=b"),
        ("java Main", "JAVA_TOOL_OPTIONS=-Dpassword='a b' -Xmx1g", "-Dpassword='***'%20-Xmx1g"),
        ("java Main", "JAVA_TOOL_OPTIONS=--token abc -Xmx1g", "--token%20***%20-Xmx1g"),
        ("ruby x.rb", "RUBYOPT=-r/a -I/token=abc", "-r/a%20-I/token=***"),
        (
            "qemu-arm /a",
            "QEMU_SET_ENV=A=b,PGPASSWORD=abc,LD_PRELOAD=/e.so",
            "A=b,PGPASSWORD=***,LD_PRELOAD=/e.so",
        ),
    ] {
        let (command, variables) = (command.split(' ').collect::<Vec<_>>(), [variable.as_bytes()]);
        let arguments = text(&command);
        let said = said(&Invocation { variables: &variables, ..invocation(command[0], &arguments) });
        let (name, _) = variable.split_once('=').unwrap();
        assert!(said.starts_with(&format!("{name}={expected} ")), "{variable}: {said}");
    }
}

#[test]
fn variables_that_are_not_known_whole_may_load_anything() {
    let cut = |path, arguments: &[&str], variables: &[&[u8]]| {
        said(&Invocation { variables, variables_are_cut: true, ..invocation(path, &text(arguments)) })
    };
    let arguments = text(&["python3", "/opt/x.py"]);
    let long =
        Invocation { variables: &[b"PYTHONPATH", b"PERL5LIB"], ..invocation("/usr/bin/python3", &arguments) };
    assert_eq!(said(&long), "PYTHONPATH=? /opt/x.py");
    assert!(Interpreted::of(&long).unwrap().loads_more());
    assert_eq!(
        cut("/usr/bin/python3", &["python3", "/opt/x.py"], &[b"PYTHONPATH=/a"]),
        "PYTHONPATH=/a environment=? /opt/x.py"
    );
    // What no variable makes load anything stays what it is.
    assert_eq!(cut("/bin/busybox", &["wget"], &[]), "wget");
    assert_eq!(cut("/usr/bin/cat", &["cat"], &[]), "nothing");
    assert_eq!(cut("/usr/bin/python3", &["python3"], &[]), "-");
}

#[test]
fn a_class_path_may_be_long_and_has_an_end() {
    let jars = |count: usize| vec!["/opt/program/libraries/one-of-many.jar"; count].join(":");
    let java = |path: &str, here: &str| {
        let (arguments, here) = (text(&["java", "-cp", path, "Main"]), Untrusted::from(here));
        let invocation =
            Invocation { working_directory: Some(&here), ..invocation("/usr/bin/java", &arguments) };
        Interpreted::of(&invocation).unwrap().to_text()
    };
    assert_eq!(java(&jars(200), "/"), format!("-cp={} -m Main", jars(200)));
    assert_eq!(java(&jars(500), "/"), "?");
    assert_eq!(java(&":".repeat(100_000), &"/deep".repeat(400)), "?");
}

#[test]
fn bytes_and_spaces_of_a_path_stay_apart() {
    let arguments = |path: &[u8]| [b"python3\0".as_slice(), path, b"\0"].concat();
    let path = |path: &[u8]| said(&invocation("python3", &arguments(path)));
    assert_eq!(path(b"/x\xff"), "/x\\xff");
    assert_eq!(path(b"/x\\xff"), "/x\\x5cxff");
    assert_eq!(path(b"/a=b /c"), "/a=b /c");
}
