/* xm shell: commands one after the other, with history and completion. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <readline/history.h>
#include <readline/readline.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/roster.h"
#include "xm/groups.h"
#include "xm/shellwords.h"

#define WORDS_MAX 64
#define HISTORY_LINES 1000

/* ------------------------------------------------------------ completion */

static char **candidates;	/* of the word being completed; malloc()ed strings, NULL-ended */
static size_t candidate_count;

static void candidates_free(void)
{
	for (size_t i = 0; i < candidate_count; i++)
		free(candidates[i]);
	free(candidates);
	candidates = NULL;
	candidate_count = 0;
}

static void candidate_add(const char *text)
{
	char **grown = realloc(candidates, (candidate_count + 1) * sizeof *grown);

	if (!grown)
		return;
	candidates = grown;
	candidates[candidate_count] = strdup(text);
	candidate_count += candidates[candidate_count] != NULL;
}

static void add_commands(void)
{
	for (const struct xm_command *const *table = xm_tables; *table; table++)
		for (const struct xm_command *c = *table; c->name; c++)
			if (!(c->flags & XM_HIDDEN))
				candidate_add(c->name);
	candidate_add("help");
}

/* Handles of its own, opened and closed again: completion must work when daemons come and go. */
static void add_domains(void)
{
	struct hyp *h;
	struct xs *xs = NULL;
	struct dom_list l;

	if (hyp_open(&h) < 0)
		return;
	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY) < 0)
		xs = NULL;
	if (roster_read_all_told(h, xs, &l) == 0) {
		for (size_t i = 0; i < l.count; i++)
			candidate_add(l.dom[i].name);
		dom_list_free(&l);
	}
	if (xs)
		xs_close(xs);
	hyp_close(h);
}

static char *next_candidate(const char *text, int state)
{
	static size_t at;

	if (state == 0)
		at = 0;
	while (at < candidate_count) {
		const char *candidate = candidates[at++];

		if (!strncmp(candidate, text, strlen(text)))
			return strdup(candidate);
	}
	return NULL;
}

/* Commands first, then domains; files where a command takes one. */
static char **complete(const char *text, int start, int end)
{
	static const char *const takes_file[] = { "create", "new", "lint", "restore", NULL };
	const char *line = rl_line_buffer + strspn(rl_line_buffer, " ");
	bool is_first;

	if (!strncmp(line, "xm ", 3))		/* as run_line() drops it */
		line += 3 + strspn(line + 3, " ");
	is_first = rl_line_buffer + start <= line;
	candidates_free();
	for (const char *const *name = takes_file; *name; name++)
		if (!is_first && !strncmp(line, *name, strlen(*name)) && line[strlen(*name)] == ' ')
			return NULL;	/* readline's own: file names */
	rl_attempted_completion_over = 1;
	if (is_first || !strncmp(line, "help ", 5))
		add_commands();
	else
		add_domains();
	return rl_completion_matches(text, next_candidate);
}

/* --------------------------------------------------------------- running */

static int help_word(char **word, int words)
{
	const struct xm_command *c = words > 1 ? xm_command_lookup(word[1]) : NULL;

	if (words < 2)
		xm_help_full(stdout);
	else if (c)
		xm_usage(c, stdout);
	else
		printf("*** No help on %s\n", word[1]);
	return 0;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = 1;
}

/* Ctrl-C at the prompt: what was typed is forgotten, the shell stays. */
static int forget_line(void)
{
	if (!interrupted)
		return 0;
	interrupted = 0;
	rl_crlf();
	rl_replace_line("", 1);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

/* In a child: a command may attach to a console, or die; the shell goes on. */
static void run_child(char **word, int words)
{
	pid_t pid;
	int status;

	fflush(stdout);
	signal(SIGINT, SIG_IGN);	/* a Ctrl-C is the command's */
	pid = fork();
	if (pid == 0) {
		int rc;

		signal(SIGINT, SIG_DFL);
		rc = xm_run(words, word);

		fflush(stdout);
		_exit(rc);
	}
	if (pid < 0)
		xm_error("Unable to start: %s.", strerror(errno));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, on_interrupt);
	if (pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		putchar('\n');
}

static void run_line(char *line)
{
	char *words[WORDS_MAX + 1];
	int n = shellwords_split(line, words, WORDS_MAX);
	char **word = words;

	if (n < 0) {
		xm_error("%s", n == -E2BIG ? "Too many words." : "No closing quotation");
		return;
	}
	if (n > 0 && !strcmp(word[0], "xm")) {
		word++;
		n--;
	}
	if (n == 0)
		return;
	if (!strcmp(word[0], "help"))
		help_word(word, n);
	else if (!xm_command_find(word[0]) && !xm_command_lookup(word[0]))
		printf("*** Unknown command: %s\n", word[0]);
	else
		run_child(word, n);
}

static const char *history_path(char path[4096])
{
	const char *home = getenv("HOME");

	snprintf(path, 4096, "%s/.xm_history", home ? home : "");
	return home ? path : NULL;
}

static int cmd_shell(struct xm_args *a)
{
	char path[4096];
	const char *history = history_path(path);
	char *line;

	rl_readline_name = "xm";
	rl_attempted_completion_function = complete;
	rl_signal_event_hook = forget_line;
	signal(SIGINT, on_interrupt);
	if (history)
		read_history(history);
	puts("The Xen shell: type commands as after xm; help lists them, Ctrl-D leaves.");
	while ((line = readline("xm> "))) {
		if (*line)
			add_history(line);
		run_line(line);
		fflush(stdout);
		free(line);
	}
	putchar('\n');
	if (history) {
		stifle_history(HISTORY_LINES);
		write_history(history);
	}
	candidates_free();
	return XM_OK;
}

const struct xm_command shell_commands[] = {
	{ "shell", "", 0, 0, cmd_shell, "Type commands one after the other.", NULL, XM_COMMON,
	  XM_OTHER },
	{ 0 },
};
