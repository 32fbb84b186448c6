use super::*;

/// Masks words that are separated by `|`.
fn masked(line: &str) -> String {
    let arguments: Vec<u8> = line.bytes().map(|byte| if byte == b'|' { 0 } else { byte }).collect();
    let masked = mask_secrets(&arguments);
    assert_eq!(mask_secrets(&masked), masked, "to mask twice changes nothing");
    String::from_utf8(masked.iter().map(|byte| if *byte == 0 { b'|' } else { *byte }).collect()).unwrap()
}

#[test]
fn secrets_are_masked_and_their_names_are_not() {
    let table = [
        ("prog|--password=x", "prog|--password=***"),
        ("prog|--password=two words", "prog|--password=***"),
        ("prog|--password|x|y", "prog|--password|***|y"),
        ("prog|-password|x", "prog|-password|***"),
        ("prog|--db-pass|x", "prog|--db-pass|***"),
        ("prog|--clientSecret=abc", "prog|--clientSecret=***"),
        ("prog|--api-key|abc", "prog|--api-key|***"),
        ("prog|--api_key=abc", "prog|--api_key=***"),
        ("prog|--apikey=abc", "prog|--apikey=***"),
        ("prog|--access-token=abc", "prog|--access-token=***"),
        (
            "java|-Djavax.net.ssl.keyStorePassword=x|-jar|a.jar",
            "java|-Djavax.net.ssl.keyStorePassword=***|-jar|a.jar",
        ),
        (
            "env|AWS_SECRET_ACCESS_KEY=x|AWS_SESSION_TOKEN=y|ls",
            "env|AWS_SECRET_ACCESS_KEY=***|AWS_SESSION_TOKEN=***|ls",
        ),
        ("env|AWS_SECRET_FOO=x", "env|AWS_SECRET_FOO=***"),
        ("docker|run|-e|PGPASSWORD=x|-p|80:80", "docker|run|-e|PGPASSWORD=***|-p|80:80"),
        ("docker|login|-u|me|-p|x|host", "docker|login|-u|me|-p|***|host"),
        ("mysql|-uroot|-psecret|db", "mysql|-uroot|-p***|db"),
        ("sudo|/usr/bin/mysqldump|-psecret|db", "sudo|/usr/bin/mysqldump|-p***|db"),
        ("curl|-u|me:x|https://host/", "curl|-u|me:***|https://host/"),
        ("curl|-ume:x|https://host/", "curl|-ume:***|https://host/"),
        ("curl|-su|me:x|https://host/", "curl|-su|me:***|https://host/"),
        ("curl|--user|me:x", "curl|--user|me:***"),
        ("curl|-H|Authorization: Bearer abc def", "curl|-H|Authorization: Bearer ***"),
        ("curl|-H|authorization:Basic YTpi", "curl|-H|authorization:Basic ***"),
        ("curl|-H|X-Api-Key: abc", "curl|-H|X-Api-Key: ***"),
        ("curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: ***"),
        ("curl|-b|session=abc|http://h", "curl|-b|***|http://h"),
        ("curl|--oauth2-bearer|abc", "curl|--oauth2-bearer|***"),
        (
            "curl|-d|{\"user\": \"me\", \"password\": \"a b\", \"n\": 1}",
            "curl|-d|{\"user\": \"me\", \"password\": \"***\", \"n\": 1}",
        ),
        ("curl|https://h/p?a=1&token=abc&b=2", "curl|https://h/p?a=1&token=***&b=2"),
        ("sshpass|-p|x|ssh|host", "sshpass|-p|***|ssh|host"),
        ("sshpass|-p-x|ssh|host", "sshpass|-p***|ssh|host"),
        ("redis-cli|-a|x|ping", "redis-cli|-a|***|ping"),
        ("ldapsearch|-x|-w|x", "ldapsearch|-x|-w|***"),
        ("smbclient|-U|me%x|//h/s", "smbclient|-U|me%***|//h/s"),
        ("openssl|enc|-pass|pass:x", "openssl|enc|-pass|***"),
        ("openssl|rsa|-passin|pass:x", "openssl|rsa|-passin|pass:***"),
        ("psql|postgres://me:x@host/db", "psql|postgres://me:***@host/db"),
        ("psql|postgres://me:x/y#z@host/db", "psql|postgres://me:***@host/db"),
        ("psql|host=h user=me password=x dbname=d", "psql|host=h user=me password=*** dbname=d"),
        ("git|clone|https://abcdefghij0123456789@host/r", "git|clone|https://***@host/r"),
        (
            "git|clone|https://me:ghp_0123456789abcdef0123@github.com/r",
            "git|clone|https://me:***@github.com/r",
        ),
        ("gh|ghp_0123456789abcdef0123", "gh|ghp_***"),
        ("gh|github_pat_0123456789abcdef_0123", "gh|github_pat_***"),
        ("x|sk-proj-0123456789abcdefABCD", "x|sk-***"),
        ("x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_|y", "x|eyJ***|y"),
        ("x|eyJhbGciOiJIUzI1Ni", "x|eyJ***"),
        (
            "x|-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "x|-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        ("x|-----BEGIN PRIVATE KEY-----\nMIIE", "x|-----BEGIN PRIVATE KEY-----***"),
        ("sh|-c|cd /x && mysql -psecret db", "sh|-c|cd /x && mysql -p*** db"),
        (
            "sh|-c|curl -H 'Authorization: Bearer abc' https://h",
            "sh|-c|curl -H 'Authorization: Bearer ***' https://h",
        ),
        ("sh|-c|prog --password 'a b' --next", "sh|-c|prog --password '***' --next"),
        ("sh|-c|export TOKEN=abc; ls", "sh|-c|export TOKEN=***; ls"),
        ("kubectl|create|--from-literal=password=x", "kubectl|create|--from-literal=password=***"),
        ("mount|-o|username=me,password=x,ro", "mount|-o|username=me,password=***,ro"),
        ("x|Server=h;Uid=me;Pwd=x;Y=1", "x|Server=h;Uid=me;Pwd=***;Y=1"),
        ("x|AccountName=a;AccountKey=abc==;S=1", "x|AccountName=a;AccountKey=***;S=1"),
    ];
    for (line, expected) in table {
        assert_eq!(masked(line), expected, "{line}");
    }
}

#[test]
fn ordinary_things_stay() {
    let table = [
        "chrome|--password-store=basic|--type=renderer",
        "prog|--token-file|/run/token|--keyfile|/etc/key|--passfile=/x",
        "prog|--no-password|db",
        "prog|--max-tokens=100|--tokenizer=x|--max-token|100",
        "prog|--password|--verbose",
        "prog|--password",
        "prog|--password-stdin|x",
        "psql|--password|db",
        "mysql|--password|-h|host|-P|3306",
        "mysql|-p|db",
        "docker|run|-p|8080:80|nginx:latest",
        "docker|pull|registry:5000/team/token:latest",
        "docker|build|--secret|id=npm,src=/x|.",
        "ssh|-p|22|git@host",
        "git|clone|ssh://git@github.com/a/b",
        "git|clone|https://me@host/r",
        "curl|http://localhost:8080/path@x",
        "curl|-b|cookies.txt|-su|me|http://h",
        "env|PWD=/home/me|OLDPWD=/|bash",
        "ansible|--private-key=/home/me/.ssh/id|--private-key|~/.ssh/id",
        "openssl|rsa|-passin|file:/x|-passout|env:X",
        "sh|-c|curl -u me:$PASSWORD http://h",
        "sh|-c|prog --password $PASSWORD --token=${TOKEN}",
        "kubectl|get|secret|foo",
        "vim|secret.txt|passwords.kdbx",
        "prog|--bypass=x|--compass=y|--keyboard=z|--key=a",
        "apt|install|sk-learn-something-very-long-name|disk-0123456789abcdefABCDEF",
        "x|eyJ|ghp_|sk-|Bearer token",
        "node|--secure-heap=1|--title=a:b",
        "",
    ];
    for line in table {
        let expected = line.replace("curl -u me:$PASSWORD", "curl -u me:***");
        assert_eq!(masked(line), expected, "{line}");
    }
}

#[test]
fn any_bytes_are_masked_once_and_keep_their_number() {
    let pieces: [&[u8]; 40] = [
        b"\0",
        b"=",
        b":",
        b" ",
        b"'",
        b"\"",
        b"\\",
        b"-",
        b"--",
        b"@",
        b"/",
        b"://",
        b"?",
        b"&",
        b";",
        b"*",
        b"***",
        b"\n",
        b"$",
        b"%",
        b"a",
        b"Z9",
        b"\xff",
        b"\xc3",
        b"password",
        b"Token",
        b"mysql",
        b"curl",
        b"-p",
        b"-u",
        b"-su",
        b"Authorization",
        b"Bearer ",
        b"ghp_0123456789abcdef0",
        b"eyJhbGciOiJIUzI1NiJ9",
        b"-----BEGIN ",
        b"PRIVATE KEY-----",
        b"-----END ",
        b"pwd",
        b"api_key",
    ];
    // A linear congruence, so that a failure can be had again.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..100_000 {
        let line: Vec<u8> = (0..next(14)).flat_map(|_| pieces[next(pieces.len())].iter().copied()).collect();
        let once = mask_secrets(&line);
        let shown = String::from_utf8_lossy(&line).into_owned();
        assert_eq!(mask_secrets(&once), once, "{shown:?}: {:?}", String::from_utf8_lossy(&once));
        let arguments = |line: &[u8]| line.split(|byte| *byte == 0).count();
        assert_eq!(arguments(&once), arguments(&line), "{shown:?}");
        assert!(once.len() <= line.len() * 3, "{shown:?}");
    }
}

#[test]
fn what_is_cut_off_anywhere_shows_nothing_more() {
    let whole = b"curl\0-u\0me:hunter2\0--password=hunter2\0https://me:hunter2@host/?token=hunter2\0-H\0Authorization: Bearer hunter2";
    for length in 0..whole.len() {
        let masked = mask_secrets(&whole[..length]);
        let is_seen = masked.windows(3).any(|window| window == b"hun");
        // Of an address that was cut off before its @, the password cannot be told from a port's name.
        let is_cut_address = masked.windows(6).any(|window| window == b"me:hun");
        assert!(!is_seen || is_cut_address, "{}", String::from_utf8_lossy(&masked));
    }
}
