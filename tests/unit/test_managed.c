/* Managed domains on disk: atomic, and indifferent to what crashes leave. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "xend/managed.h"

static char top[64], path[256];
static const uint8_t id_a[16] = { 0xaa, 1 }, id_b[16] = { 0xbb, 2 };

static void fresh(void)
{
	strcpy(top, "/tmp/managed-XXXXXX");
	CHECK(mkdtemp(top));
	snprintf(path, sizeof path, "%s/domains", top);
	managed_set_path(path);
}

static void clear(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", top);
	CHECK_EQ(system(command), 0);
}

static struct sxp *config(const char *name)
{
	struct sxp *s = sxp_named("domain");

	sxp_push_text(s, "name", name);
	sxp_push_int(s, "memory", 64);
	return s;
}

static void save(const uint8_t id[16], const char *name)
{
	struct sxp *s = config(name);

	CHECK_EQ(managed_save(id, s), 0);
	sxp_free(s);
}

static void put_file(const uint8_t id[16], const char *name, const char *text)
{
	char file[512];
	FILE *f;

	CHECK_EQ(managed_file(id, name, file, sizeof file), 0);
	f = fopen(file, "w");
	CHECK(f);
	fputs(text, f);
	fclose(f);
}

static void no_directory_is_an_empty_list(void)
{
	struct managed_list l;

	fresh();
	CHECK_EQ(managed_list(&l, NULL), 0);
	CHECK_EQ(l.count, 0);
	clear();
}

static void what_is_saved_can_be_loaded(void)
{
	struct sxp *s;

	fresh();
	CHECK(!managed_exists(id_a));
	save(id_a, "alpha");
	CHECK(managed_exists(id_a));
	CHECK_EQ(managed_load(id_a, &s), 0);
	CHECK_STR(sxp_child_text(s, "name"), "alpha");
	sxp_free(s);
	CHECK_EQ(managed_load(id_b, &s), -ENOENT);
	clear();
}

static void saving_again_replaces(void)
{
	struct managed_list l;

	fresh();
	save(id_a, "alpha");
	save(id_a, "omega");
	CHECK_EQ(managed_list(&l, NULL), 0);
	CHECK_EQ(l.count, 1);
	CHECK_STR(l.domain[0].name, "omega");
	managed_list_free(&l);
	clear();
}

static void a_directory_is_for_root_alone(void)
{
	struct stat st;
	char dir[512];

	fresh();
	save(id_a, "alpha");
	CHECK_EQ(managed_file(id_a, "", dir, sizeof dir), 0);
	CHECK_EQ(stat(dir, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	clear();
}

static void removing_takes_everything(void)
{
	char dir[512];

	fresh();
	save(id_a, "alpha");
	put_file(id_a, "checkpoint.chk", "memory");
	CHECK_EQ(managed_remove(id_a), 0);
	CHECK_EQ(managed_file(id_a, "", dir, sizeof dir), 0);
	CHECK_EQ(access(dir, F_OK), -1);
	CHECK_EQ(managed_remove(id_a), -ENOENT);
	clear();
}

static void damaged_files_are_left_out_and_counted(void)
{
	struct managed_list l;
	size_t broken;
	struct sxp *s;

	fresh();
	save(id_a, "alpha");
	save(id_b, "beta");
	put_file(id_b, "config.sxp", "(domain (name ");
	CHECK_EQ(managed_list(&l, &broken), 0);
	CHECK_EQ(l.count, 1);
	CHECK_EQ(broken, 1);
	managed_list_free(&l);
	CHECK_EQ(managed_load(id_b, &s), -EINVAL);
	put_file(id_b, "config.sxp", "");
	CHECK_EQ(managed_load(id_b, &s), -EINVAL);
	clear();
}

static void what_a_crash_leaves_is_cleaned(void)
{
	char file[512];

	fresh();
	save(id_a, "alpha");
	put_file(id_a, "config.sxp.new", "(domain (na");
	save(id_b, "beta");
	CHECK_EQ(managed_file(id_b, "config.sxp", file, sizeof file), 0);
	CHECK_EQ(unlink(file), 0);	/* removal died after its first step */
	put_file(id_b, "checkpoint.chk", "memory");
	CHECK_EQ(managed_clean(), 0);
	CHECK(managed_exists(id_a));
	CHECK_EQ(managed_file(id_a, "config.sxp.new", file, sizeof file), 0);
	CHECK_EQ(access(file, F_OK), -1);
	CHECK_EQ(managed_file(id_b, "", file, sizeof file), 0);
	CHECK_EQ(access(file, F_OK), -1);
	clear();
}

/* Half a state is none, and neither is another domain's. */
static void a_state_is_there_when_it_is_whole(void)
{
	char file[512];
	int fd;

	fresh();
	save(id_a, "one");
	save(id_b, "two");
	CHECK_EQ(managed_state_open(id_a), -ENOENT);
	fd = managed_state_new(id_a);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "state", 5), 5);
	CHECK(!managed_has_state(id_a));
	CHECK_EQ(managed_state_keep(id_a, fd), 0);
	close(fd);
	CHECK(managed_has_state(id_a));
	CHECK(!managed_has_state(id_b));
	fd = managed_state_open(id_a);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, file, sizeof file), 5);
	close(fd);
	close(managed_state_new(id_a));		/* the next one: half done */
	CHECK_EQ(managed_clean(), 0);
	CHECK_EQ(managed_file(id_a, MANAGED_STATE_NEW, file, sizeof file), 0);
	CHECK_EQ(access(file, F_OK), -1);
	CHECK(managed_has_state(id_a));
	CHECK_EQ(managed_state_drop(id_a), 0);
	CHECK(!managed_has_state(id_a));
	CHECK_EQ(managed_state_drop(id_a), 0);
	CHECK(managed_exists(id_a));
	clear();
}

static void a_state_is_no_link(void)
{
	char file[512];

	fresh();
	save(id_a, "one");
	CHECK_EQ(managed_file(id_a, MANAGED_STATE_NEW, file, sizeof file), 0);
	CHECK_EQ(symlink("/dev/null", file), 0);
	CHECK_EQ(managed_state_new(id_a), -ELOOP);
	CHECK_EQ(managed_file(id_a, MANAGED_STATE, file, sizeof file), 0);
	CHECK_EQ(symlink("/dev/null", file), 0);
	CHECK_EQ(managed_state_open(id_a), -ELOOP);
	clear();
}

static void other_things_in_the_directory_are_ignored(void)
{
	struct managed_list l;
	char other[512];

	fresh();
	save(id_a, "alpha");
	snprintf(other, sizeof other, "%s/lost+found", path);
	CHECK_EQ(mkdir(other, 0700), 0);
	CHECK_EQ(managed_clean(), 0);
	CHECK_EQ(access(other, F_OK), 0);
	CHECK_EQ(managed_list(&l, NULL), 0);
	CHECK_EQ(l.count, 1);
	managed_list_free(&l);
	clear();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(no_directory_is_an_empty_list),
		TEST(what_is_saved_can_be_loaded),
		TEST(saving_again_replaces),
		TEST(a_directory_is_for_root_alone),
		TEST(removing_takes_everything),
		TEST(damaged_files_are_left_out_and_counted),
		TEST(what_a_crash_leaves_is_cleaned),
		TEST(a_state_is_there_when_it_is_whole),
		TEST(a_state_is_no_link),
		TEST(other_things_in_the_directory_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
