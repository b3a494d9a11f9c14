// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include "perfring_output.h"

/* What is written to /sys/module/perfring_hello/parameters/say goes to those who listen. */
static struct perfring_client hello = { .name = "hello" };

static int hello_say(const char *text, const struct kernel_param *kp)
{
	int heard = perfring_client_output(&hello, text, strlen(text));

	return heard < 0 ? heard : 0;
}

static const struct kernel_param_ops hello_ops = { .set = hello_say };
module_param_cb(say, &hello_ops, NULL, 0200);
MODULE_PARM_DESC(say, "text for those who listen on this CPU");

static int __init hello_init(void)
{
	int id = perfring_client_register(&hello);

	return id < 0 ? id : 0;
}
module_init(hello_init);

static void __exit hello_exit(void)
{
	perfring_client_unregister(&hello);
}
module_exit(hello_exit);

MODULE_IMPORT_NS(PERFRING);	/* "PERFRING" since 6.13 */
MODULE_DESCRIPTION("a source that says what it is told");
MODULE_LICENSE("GPL");
