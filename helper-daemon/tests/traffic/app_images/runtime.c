/* What an AppImage begins with: mounts what follows it in its file, and becomes the program in there. */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char mount[4096], program[4200], self[4096] = "", offset[64];
	char *folder = getenv("TMPDIR");
	struct stat found;
	Elf64_Ehdr head;
	FILE *file = fopen("/proc/self/exe", "r");

	snprintf(mount, sizeof(mount), "%s/.mount_TalkXXXXXX", folder ? folder : "/tmp");
	if (!file || fread(&head, sizeof(head), 1, file) != 1 || !mkdtemp(mount))
		return 1;
	/* The sections are the last of an ELF file. */
	snprintf(offset, sizeof(offset), "offset=%lu", head.e_shoff + (unsigned long)head.e_shentsize * head.e_shnum);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execlp("squashfuse", "squashfuse", "-f", "-o", offset, self, mount, NULL);
		_exit(1);
	}
	snprintf(program, sizeof(program), "%s/AppRun", mount);
	for (int tries = 0; stat(program, &found) && tries < 10000; tries++)
		usleep(1000);
	argv[0] = program;
	execv(program, argv);
	return 1;
}
