//! The typed calls of 客户联系, by path.

use crate::wecom::{
    BroadcastQuery, Client, ContactWaySettings, GroupWelcome, InterceptChange, JoinWay,
    LinkSettings, MomentQuery, NewBroadcast, NewContactWay, NewInterceptRule, NewMoment,
    NewStrategy, NewTags, ProductSettings, RemarkChange, Service, StrategyChange, StrategyKind,
    TagChange, Transfer,
};

/// The answer as the typed call reads it.
pub(super) async fn typed(client: &Client, call: &str) -> String {
    let one = ["wmQd7h1".to_owned()];
    macro_rules! read {
        ($call:expr) => {
            format!(
                "{:?}",
                $call.await.unwrap_or_else(|e| panic!("{call}: {e}"))
            )
        };
    }
    let (bare, kind) = match call.split_once("moment_strategy/") {
        Some((_, rest)) => (format!("customer_strategy/{rest}"), StrategyKind::Moments),
        None => (
            call.replace("externalcontact/", ""),
            StrategyKind::Customers,
        ),
    };
    let (tags, change) = (NewTags::default(), TagChange::default());
    let (resigned, transfer) = (Service::Resigned, Transfer::default());
    match bare.as_str() {
        "get_follow_user_list" => read!(client.follow_users()),
        "list" => read!(client.customer_ids_of("zhoumin")),
        "get" => read!(client.customer("wmQd7h1")),
        "batch/get_by_user" => read!(client.customers_of(&one).next()),
        "remark" => read!(client.set_remark(&RemarkChange::default())),
        "contact_list" => read!(client.served_contacts().all()),
        "get_corp_tag_list" => read!(client.corp_tags_by_id(&one, &[])),
        "add_corp_tag" => read!(client.add_corp_tags(&tags)),
        "edit_corp_tag" => read!(client.edit_corp_tag("etQd7hT1", &change)),
        "del_corp_tag" => read!(client.delete_corp_tags(&one, &[])),
        "mark_tag" => read!(client.mark_tags("zhoumin", "wmQd7h1", &one, &[])),
        "get_strategy_tag_list" => read!(client.strategy_tags(Some(1))),
        "add_strategy_tag" => read!(client.add_strategy_tags(7, &tags)),
        "edit_strategy_tag" => read!(client.edit_strategy_tag("stQd7hT1", &change)),
        "del_strategy_tag" => read!(client.delete_strategy_tags(&one, &[])),
        "customer_strategy/list" => read!(client.strategies(kind).all()),
        "customer_strategy/get" => read!(client.strategy(kind, 7)),
        "customer_strategy/get_range" => read!(client.strategy_range(kind, 7).all()),
        "customer_strategy/create" => {
            read!(client.create_strategy(kind, &NewStrategy::default()))
        }
        "customer_strategy/edit" => {
            read!(client.edit_strategy(kind, 7, &StrategyChange::default()))
        }
        "customer_strategy/del" => read!(client.delete_strategy(kind, 7)),
        "add_contact_way" => read!(client.add_contact_way(&NewContactWay::default())),
        "get_contact_way" => read!(client.contact_way("c")),
        "list_contact_way" => read!(client.contact_ways(0, 1).all()),
        "update_contact_way" => {
            read!(client.update_contact_way("c", &ContactWaySettings::default()))
        }
        "del_contact_way" => read!(client.delete_contact_way("c")),
        "close_temp_chat" => read!(client.close_temp_chat("zhoumin", "wmQd7h1")),
        "send_welcome_msg" => read!(client.send_welcome("wc-1", None, &[])),
        "groupchat/list" => read!(client.groups_of(&one)),
        "groupchat/get" => read!(client.group("wrQd7h1")),
        "opengid_to_chatid" => read!(client.chat_id_of("o")),
        "groupchat/add_join_way" => read!(client.add_join_way(&JoinWay::default())),
        "groupchat/get_join_way" => read!(client.join_way("c")),
        "groupchat/update_join_way" => {
            read!(client.update_join_way("c", &JoinWay::default()))
        }
        "groupchat/del_join_way" => read!(client.delete_join_way("c")),
        "group_welcome_template/add" => {
            read!(client.add_group_welcome(&GroupWelcome::default()))
        }
        "group_welcome_template/edit" => {
            read!(client.edit_group_welcome("t", &GroupWelcome::default()))
        }
        "group_welcome_template/get" => read!(client.group_welcome("t")),
        "group_welcome_template/del" => read!(client.delete_group_welcome("t")),
        "add_msg_template" => read!(client.add_broadcast(&NewBroadcast::default())),
        "remind_groupmsg_send" => read!(client.remind_broadcast("m")),
        "cancel_groupmsg_send" => read!(client.cancel_broadcast("m")),
        "get_groupmsg_list_v2" => {
            read!(client.broadcasts(&BroadcastQuery::default()).all())
        }
        "get_groupmsg_task" => read!(client.broadcast_tasks("m").all()),
        "get_groupmsg_send_result" => read!(client.broadcast_results("m", "zhoumin").all()),
        "add_moment_task" => read!(client.add_moment(&NewMoment::default())),
        "get_moment_task_result" => read!(client.moment_job("mjob-1")),
        "cancel_moment_task" => read!(client.cancel_moment("m")),
        "get_moment_list" => read!(client.moments(&MomentQuery::default()).all()),
        "get_moment_task" => read!(client.moment_tasks("m").all()),
        "get_moment_customer_list" => read!(client.moment_customers("m", "zhoumin").all()),
        "get_moment_send_result" => read!(client.moment_results("m", "zhoumin").all()),
        "get_moment_comments" => read!(client.moment_reactions("m", "zhoumin")),
        "transfer_customer" => read!(client.transfer_customers(Service::Active, &transfer)),
        "transfer_result" => {
            read!(
                client
                    .transfer_states(Service::Active, "zhoumin", "sunlili")
                    .all()
            )
        }
        "resigned/transfer_customer" => read!(client.transfer_customers(resigned, &transfer)),
        "resigned/transfer_result" => {
            read!(client.transfer_states(resigned, "zhou", "sunlili").all())
        }
        "get_unassigned_list" => read!(client.unassigned_customers().all()),
        "groupchat/transfer" => read!(client.transfer_groups(resigned, &one, "sunlili")),
        "groupchat/onjob_transfer" => {
            read!(client.transfer_groups(Service::Active, &one, "sunlili"))
        }
        "get_user_behavior_data" => read!(client.member_days(&one, 0, 1)),
        "groupchat/statistic" => read!(client.groups_by_owner(&one, 0, 1)),
        "groupchat/statistic_group_by_day" => read!(client.groups_by_day(&one, 0, 1)),
        "customer_acquisition/list_link" => read!(client.acquisition_links().all()),
        "customer_acquisition/get" => read!(client.acquisition_link("l")),
        "customer_acquisition/create_link" => {
            read!(client.create_acquisition_link(&LinkSettings::default()))
        }
        "customer_acquisition/update_link" => {
            read!(client.update_acquisition_link("l", &LinkSettings::default()))
        }
        "customer_acquisition/delete_link" => read!(client.delete_acquisition_link("l")),
        "customer_acquisition/customer" => read!(client.acquisition_customers("l").all()),
        "customer_acquisition_quota" => read!(client.acquisition_quota()),
        "customer_acquisition/statistic" => read!(client.acquisition_figures("l", 0, 1)),
        "customer_acquisition/get_chat_info" => read!(client.acquisition_chat("k")),
        "add_intercept_rule" => {
            read!(client.add_intercept_rule(&NewInterceptRule::default()))
        }
        "get_intercept_rule_list" => read!(client.intercept_rules()),
        "get_intercept_rule" => read!(client.intercept_rule("r")),
        "update_intercept_rule" => {
            read!(client.update_intercept_rule("r", &InterceptChange::default()))
        }
        "del_intercept_rule" => read!(client.delete_intercept_rule("r")),
        "add_product_album" => read!(client.add_product(&ProductSettings::default())),
        "get_product_album" => read!(client.product("p")),
        "get_product_album_list" => read!(client.products().all()),
        "update_product_album" => read!(client.update_product("p", &ProductSettings::default())),
        "delete_product_album" => read!(client.delete_product("p")),
        "convert_to_openid" => read!(client.openid_of("wmQd7h1")),
        "idconvert/unionid_to_external_userid" => read!(client.known_as("oUx1", "oMp1")),
        "idconvert/batch/external_userid_to_pending_id" => read!(client.were_pending(None, &one)),
        "idconvert/convert_tmp_external_userid" => read!(client.resolve_temporary(1, 1, &one)),
        "from_service_external_userid" => read!(client.from_service("wmS1", 1_000_002)),
        other => panic!("no typed call for {other}"),
    }
}
